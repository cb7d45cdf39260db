"""How often flows are collapsed, step by step, over a grid of targets and architectures.

A row for each setting and logged step: what the runs of :mod:`.flow_grid` come to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..counting import COUNT_UNITS, counted
from ..prediction import FEWEST, auc
from . import flow_grid
from .flow_grid import Point, Settings, points
from .share import Share

__all__ = ["UNITS", "Settings", "compute", "summary"]

SETTING = tuple(flow_grid.UNITS)[: tuple(flow_grid.UNITS).index("run")]
UNITS: Mapping[str, str] = MappingProxyType(
    {
        **{name: flow_grid.UNITS[name] for name in SETTING},
        "step": "optimisation steps at which one looks, from an untrained flow",
        **COUNT_UNITS,
        "n_diverged": "runs that did not finish, and are not counted",
        "n_plus": "collapsed runs that are on the mode at +μ*",
        "n_side": "collapsed runs that are on the side of μ* on which their mean lay at step 0",
        "start": "median over the runs of |m(0)|, q's mean along μ* at step 0, standard deviations "
        "of a mode",
        "collapsed_kl": "mean of KL(q‖p) over the collapsed runs, nats; 0 where none is",
        "collapsed_kl_se": "its standard error, nats; 0 where fewer than two are collapsed",
        "lost_mass": "mean mass of q on the mode that is lost, over the collapsed runs; 0 where "
        "none is",
        "lost_mass_se": "its standard error; 0 where fewer than two are collapsed",
        "auc": "how well |m(0)| tells who is collapsed, the area under the curve; 1/2 from 0 to 1 "
        f"where fewer than {FEWEST} runs have either end",
        "auc_low": "lower end of its 95 % interval",
        "auc_high": "upper end of that interval",
    }
)


def compute(settings: Settings, share: Share) -> pd.DataFrame:
    """The rows of the settings of this job's share; all ensembles of a setting are in one job."""
    from ..flows.training import train

    rows: list[dict[str, Any]] = []
    for ensembles in share.progress(settings_of(settings)):
        runs = [
            flow_grid.rows(
                p.target, p.flow, train(p.target, p.flow, checkpoint=share.checkpoint(p))
            )
            for p in ensembles
        ]
        rows += summary(pd.concat(runs, ignore_index=True))
    return pd.DataFrame(rows, columns=list(UNITS))


def settings_of(settings: Settings) -> list[list[Point]]:
    """The ensembles of each setting."""
    found, size = points(settings), math.ceil(settings.seeds / settings.ensemble)
    return [found[first : first + size] for first in range(0, len(found), size)]


def summary(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a setting, from its runs' rows of :mod:`.flow_grid`; none where none finished."""
    done = runs[runs["status"] == "finished"]
    start = done[done["step"] == 0].set_index("run")["projection_mean"]
    if start.empty:
        return []
    about = {name: done[name].iloc[0] for name in SETTING}
    about["n_diverged"] = int(runs["run"].nunique() - len(start))
    rows = [about | _at(here.set_index("run"), start) for _, here in done.groupby("step")]
    return [{name: row[name] for name in UNITS} for row in rows]


def _at(here: pd.DataFrame, start: pd.Series) -> dict[str, Any]:
    """What the runs are at one step, `start` being m(0) of each."""
    lost = (here["outcome"] != "both modes").to_numpy()
    begun = start.loc[here.index].to_numpy()
    mass, kl = here["mass_plus"].to_numpy(), here["kl"].to_numpy()[lost]
    plus = mass > 0.5
    both = min(lost.sum(), (~lost).sum()) >= FEWEST
    tells = auc(np.abs(begun), lost) if both else (0.5, 0.0, 1.0)
    return {
        "step": int(here["step"].iloc[0]),
        **counted(int(lost.sum()), len(lost)),
        "n_plus": int((lost & plus).sum()),
        "n_side": int((lost & ((begun > 0) == plus)).sum()),
        "start": float(np.median(np.abs(begun))),
        **_mean("collapsed_kl", kl),
        **_mean("lost_mass", np.minimum(mass, 1 - mass)[lost]),
        **dict(zip(("auc", "auc_low", "auc_high"), tells, strict=True)),
    }


def _mean(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    """A mean and its standard error, 0 where there are too few for either."""
    n = len(values)
    error = values.std(ddof=1) / math.sqrt(n) if n > 1 else 0.0
    return {name: float(values.mean()) if n else 0.0, f"{name}_se": float(error)}
