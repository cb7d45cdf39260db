"""Run every benchmark and write results/benchmarks.csv; `python -m benchmarks theory` runs one and
keeps the rows of the others."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pandas as pd

MODULES = ("theory", "simulation", "flows", "growth", "gpu")
COLUMNS = ["name", "ratio", "ours", "theirs", "unit", "note"]
RESULTS = Path(__file__).parents[1] / "results" / "benchmarks.csv"


def main(chosen: list[str]) -> None:
    unknown = sorted(set(chosen) - set(MODULES))
    if unknown:
        raise SystemExit(f"{', '.join(unknown)}: no such benchmark; there are {', '.join(MODULES)}")
    lines = []
    for name in chosen or MODULES:
        for line in import_module(f"benchmarks.{name}").rows():
            print(*(f"{line[column]}" for column in COLUMNS), sep="  ", flush=True)
            lines.append(line)
    RESULTS.parent.mkdir(exist_ok=True)
    table = pd.DataFrame(lines, columns=COLUMNS)
    if chosen and RESULTS.exists():
        before = pd.read_csv(RESULTS)
        table = pd.concat([before[~before["name"].isin(table["name"])], table])
    table.to_csv(RESULTS, index=False)


if __name__ == "__main__":
    main(sys.argv[1:])
