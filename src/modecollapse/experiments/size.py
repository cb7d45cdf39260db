"""About how much a job needs at once, from its settings alone: an upper estimate to stop at.

Fields are known by their names, which mean the same in every experiment.  Counted are numbers of 8
bytes: the state of all runs that move together, a batch, what is logged, and the table.
"""

from __future__ import annotations

from math import prod
from typing import Any

__all__ = ["memory"]

NUMBER = 8.0  # bytes
STATISTICS = 20  # numbers that are logged of a run at a time
COLUMNS = 20  # of a table
COPIES = 6  # of parameters or states: gradient, two moments, and what is on its way
NOT_A_GRID = ("times", "fractions", "cosines")  # lists that span no rows


def memory(settings: Any) -> float:
    """Bytes that a job of these settings holds at once, more rather than less."""
    given = {name: value for name, value in vars(settings).items() if not isinstance(value, str)}
    most = {name: _most(value) for name, value in given.items()}
    grid = prod(len(v) for k, v in given.items() if isinstance(v, tuple) and k not in NOT_A_GRID)
    runs = max(
        most.get(n, 1)
        for n in ("runs", "most_runs", "bias_runs", "spread_runs", "floor_runs", "seeds")
    )
    rows = grid * most.get("points", 1) ** 2 * (runs * most.get("logs", 1) if "logs" in most else 1)
    numbers = rows * COLUMNS + runs * _logged(most) * STATISTICS + _steps(most)
    dimension = max(most.get("dimension", 1), most.get("dimensions", 1))
    batch = max(most.get(n, 1) for n in ("batch", "batches", "evaluation_samples"))
    if "couplings" in most:
        numbers += _flows(most, most.get("ensemble", runs), dimension)
        kept = "bins" in most or "fractions" in most  # projections of all samples
        numbers += 2 * runs * _logged(most) * most["samples"] if kept else 0
    elif "device" in vars(settings):  # simulated on all coordinates
        numbers += COPIES * runs * 3 * dimension + batch * (dimension + STATISTICS)
    elif "n_modes" in most:
        numbers += COPIES * most["n_modes"] * dimension
    return numbers * NUMBER


def _most(value: Any) -> float:
    """The largest of a list's numbers, or the number; 1 for what is none."""
    values = value if isinstance(value, tuple) else (value,)
    return max((float(v) for v in values if isinstance(v, int | float)), default=1.0)


def _logged(most: dict[str, float]) -> float:
    """Times at which a run is logged: as often as a setting says, or at its end."""
    if "log_every" in most:
        return _steps(most) / most["log_every"]
    return max(most.get("logs", 1), most.get("points", 1), 100 if "fractions" in most else 1)


def _steps(most: dict[str, float]) -> float:
    h = most.get("step_size", most.get("step_sizes", 0.0))
    time = max(most.get(name, 0.0) for name in ("time", "times", "floor_time"))
    return most.get("steps", time / h if h else 0.0) + most.get("anneal_steps", 0.0)


def _flows(most: dict[str, float], runs: float, dimension: float) -> float:
    """Parameters of an ensemble, what a batch leaves in every layer for the gradient, and samples
    on their way through one; numbers of 4 bytes count half."""
    layers, depth = most["couplings"], max(most.get("depth", 1), most.get("depths", 1))
    hidden, batch = most["hidden"], most.get("batch", most["samples"])
    parameters = hidden * (3 * dimension + 2) + (depth - 1) * hidden * (hidden + 1) + 2 * dimension
    activations = batch * (depth * hidden + 3 * dimension)
    measured = most["samples"] * (hidden + 3 * dimension)
    return runs * layers * (COPIES * parameters + activations) / 2 + measured
