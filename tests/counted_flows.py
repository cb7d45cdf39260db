"""Runs of flows counted setting by setting, as a table of them has it."""

import pandas as pd

from modecollapse.experiments.flow_frequencies import SETTING, UNITS, summary


def summaries(runs: pd.DataFrame) -> pd.DataFrame:
    """What rows of ``flow_grid`` come to, in the order of their settings."""
    parts = runs.groupby(list(SETTING), sort=False)
    rows = [row for _, setting in parts for row in summary(setting)]
    return pd.DataFrame(rows, columns=list(UNITS))
