"""About how much memory and time a job needs, from its settings alone: estimates to stop at.

Fields are known by their names, which mean the same in every experiment.  Of memory, numbers of 8
bytes are counted (the state of all runs that move together, a batch, what is logged, and the table)
on top of what the libraries take; of time, samples and runs.  The constants are those of a finished
default run on an AMD EPYC: of what its jobs took the estimates are 0.75 to 1.4 times the
memory, and 0.4 to 7 times five seconds or more (tests/experiments/test_size.py).
"""

from __future__ import annotations

from math import prod
from typing import Any

__all__ = ["TOGETHER", "memory", "points", "seconds"]

NUMBER = 8.0  # bytes
LOADED = {"equations": 2.4e8, "reduced": 2.4e8, "full": 4.4e8, "flows": 5.2e8}  # bytes of libraries
GPU, HOST = 1.9e9, 4  # bytes of a GPU's; copies of parameters that a checkpoint has on the host
STATISTICS = 20  # numbers that are logged of a run at a time
COLUMNS = 20  # of a table
BLOCK, VECTORS = 2e6, 31  # of samples that are drawn at once; of d numbers, where one run fills it
COPIES = 6  # of parameters or states: gradient, two moments, and what is on its way
TANGENTS = 3  # copies of the activations where the tangent kernel is taken
TOGETHER = 4  # flows at once there
PIECES, KEPT = 50, 200  # numbers that a spline has, and keeps for the gradient, for each coordinate
NOT_A_GRID = ("times", "fractions", "cosines", "laws", "n_modes", "arrangements")
NOT_POINTS = ("times", "fractions", "cosines", "sizes", "n_modes")
WAYS = 16  # to train, or starts, of a point, at most
PLANES = ("extent", "fractions", "heaviest")  # whose points are the side of a square
RUNS = ("runs", "most_runs", "bias_runs", "spread_runs", "floor_runs", "seeds")
ANNEALED = ("beta_initials", "extra_time")

# Seconds: of a job; of a row that is no run, and of one that is searched for; of a run of the
# closed equations, annealed, in another geometry or by another objective, and for each component
# and mode; of a point that is simulated, a sample, and one of its coordinates; of a
# multiplication and of a number in a flow.
START, ROW, SOUGHT = 1.0, 1e-3, 0.1
RUN, ANNEALED_RUN, SLOW_RUN, MODES_RUN = 6e-4, 2e-3, 3.5e-2, 8e-3
POINT = 0.2
SAMPLE, REDUCED_SAMPLE, COORDINATE = 4e-7, 6e-8, 3e-10
PRODUCT, ACTIVATION = 2.5e-10, 2.5e-9


def memory(settings: Any) -> float:
    """Bytes that a job of these settings holds at once, more rather than less.

    Of a job on a GPU, those on the host.
    """
    most = _numbers(settings, max)
    runs = max(most.get(name, 1) for name in RUNS)
    rows = _grid(settings) * _points(most)
    rows *= runs * most.get("logs", 1) if "logs" in most else 1
    numbers = rows * COLUMNS + runs * _logged(most) * STATISTICS + _steps(most)
    dimension = max(most.get("dimension", 1), most.get("dimensions", 1))
    kind, gpu = _kind(most), vars(settings).get("device") == "cuda"
    if kind == "flows":
        numbers += _flows(settings, most, most.get("ensemble", runs))[gpu]
        kept = "bins" in most or "fractions" in most  # projections of all samples
        numbers += 2 * runs * _logged(most) * most["samples"] if kept else 0
    elif kind == "full" and not gpu:
        batch = max(most.get(n, 1) for n in ("batch", "batches", "evaluation_samples"))
        numbers += BLOCK + VECTORS * dimension + batch * STATISTICS
    elif "n_modes" in most:
        numbers += COPIES * most["n_modes"] * dimension
    return (GPU if gpu else LOADED[kind]) + numbers * NUMBER


def seconds(settings: Any, jobs: int = 1) -> float:
    """Seconds that one of the `jobs` that share the work of these settings takes on one core."""
    usual = _numbers(settings, lambda values: sum(values) / len(values))
    runs = max(usual.get(name, 1) for name in RUNS)
    grid, kind = _grid(settings), _kind(usual)
    if kind == "flows":
        work = grid * runs * _training(settings, usual)
    elif kind == "equations":
        row = SOUGHT if "horizon" in usual else ROW * _points(usual)
        work = grid * (row + runs * usual.get("problems", 1) * _run(usual))
    else:
        dimension = max(usual.get("dimension", 1), usual.get("dimensions", 1))
        batch = max(usual.get("batch", 1), usual.get("batches", 1))
        each = REDUCED_SAMPLE if kind == "reduced" else SAMPLE + COORDINATE * dimension
        samples = _steps(usual) * batch + usual.get("evaluation_samples", 1)
        work = grid * (POINT + runs * each * samples)
    return START + work / jobs


def points(settings: Any) -> int:
    """A number of jobs that is more than enough: no block of these settings has as many points."""
    most = _numbers(settings, max)
    lists = {name: len(v) for name, v in vars(settings).items() if isinstance(v, tuple)}
    found: float = prod(size for name, size in lists.items() if name not in NOT_POINTS)
    found *= -(-most.get("seeds", 1) // most.get("ensemble", most.get("seeds", 1)))
    found *= most.get("problems", 1) * (most.get("points", 1) if _kind(most) == "equations" else 1)
    return int(WAYS * found)


def _kind(given: dict[str, float]) -> str:
    """Which road computes it."""
    if "couplings" in given:
        return "flows"
    if "device" in given:
        return "full"
    return "reduced" if {"runs", "most_runs"} & given.keys() and _batched(given) else "equations"


def _batched(given: dict[str, float]) -> bool:
    return "batch" in given or "batches" in given


def _numbers(settings: Any, chosen: Any) -> dict[str, float]:
    """Each field as a number: of a list, what is `chosen` of its numbers; of text, 1."""
    found = {}
    for name, value in vars(settings).items():
        values = value if isinstance(value, tuple) else (value,)
        given = [float(v) for v in values if isinstance(v, int | float)]
        found[name] = float(chosen(given)) if given else 1.0
    return found


def _grid(settings: Any) -> float:
    """The combinations of the lists; where one is varied at a time, their entries."""
    lists = {k: len(v) for k, v in vars(settings).items() if isinstance(v, tuple)}
    sizes = [size for name, size in lists.items() if name not in NOT_A_GRID]
    if "resolution" in vars(settings):  # all other lists have an entry for each batch
        return float(lists["alphas"] * lists["batches"])
    if "architecture_dimension" in vars(settings):
        return float(lists["dimensions"] * lists["directions"] + lists["architectures"])
    return float(sum(sizes) if "bias_runs" in vars(settings) else prod(sizes))


def _points(given: dict[str, float]) -> float:
    points = given.get("points", 1.0)
    return points**2 if any(name in given for name in PLANES) else points


def _run(given: dict[str, float]) -> float:
    """Seconds of a run of the closed equations."""
    if "n_modes" in given:
        return MODES_RUN * given["n_modes"] * given["components"]
    if "anneal_time" in given:  # ways to train
        return ANNEALED_RUN * (2 if "geometries" in given else 7)
    if {"geometries", "alphas"} & given.keys():
        return SLOW_RUN
    return ANNEALED_RUN if any(name in given for name in ANNEALED) else RUN


def _logged(given: dict[str, float]) -> float:
    """Times at which a run is logged: as often as a setting says, or at its end."""
    if "log_every" in given:
        return _steps(given) / given["log_every"]
    return max(given.get("logs", 1), given.get("points", 1), 100 if "fractions" in given else 1)


def _steps(given: dict[str, float]) -> float:
    if "steps" in given:
        return given["steps"]
    if "anneal_steps" in given:
        return given["anneal_steps"] + given.get("extra_steps", 0.0)
    h = given.get("step_size", given.get("step_sizes", 0.0))
    time = max(given.get(name, 0.0) for name in ("time", "times", "floor_time"))
    time += given.get("anneal_time", 0.0) + given.get("rest", 0.0)
    return time / h if h else 0.0


def _coordinates(settings: Any, given: dict[str, float], pieces: float) -> float:
    """Numbers that go into a flow's layer, and come out of it for each coordinate it changes."""
    dimension = max(given.get("dimension", 1), given.get("dimensions", 1))
    pieces = pieces if "nsf" in vars(settings).get("architectures", ()) else 2.0
    apart = given.get("architecture_dimension")  # only there are there other architectures
    if apart is not None:
        return max(3 * dimension, (1 + pieces) * apart)
    return (1 + pieces) * dimension


def _flows(settings: Any, most: dict[str, float], runs: float) -> tuple[float, float]:
    """Parameters of an ensemble, what a batch leaves in every layer for the gradient, and samples
    on their way through one; and what is on the host where all that is on a GPU.

    Numbers of 4 bytes count half.
    """
    layers, depth = most["couplings"], max(most.get("depth", 1), most.get("depths", 1))
    hidden, batch = most["hidden"], most.get("batch", most.get("samples", 1))
    coordinates = _coordinates(settings, most, KEPT)
    parameters = hidden * coordinates + (depth - 1) * hidden * (hidden + 1)
    activations = batch * (depth * hidden + coordinates)
    copies = 1
    if "batch" not in most:
        copies, runs = TANGENTS, min(runs, TOGETHER)
    numbers = runs * layers * (COPIES * parameters + copies * activations) / 2
    samples = most.get("samples", batch) * (hidden + coordinates)
    return numbers + samples, runs * layers * HOST * parameters / 2


def _training(settings: Any, usual: dict[str, float]) -> float:
    """Seconds of a run of a flow."""
    depth = max(usual.get("depth", 1), usual.get("depths", 1))
    hidden, coordinates = usual["hidden"], _coordinates(settings, usual, PIECES)
    products = hidden * (coordinates / 2 + (depth - 1) * hidden)
    each = PRODUCT * products + ACTIVATION * (depth * hidden + coordinates)
    samples = _steps(usual) * usual["batch"] if "batch" in usual else 2 * usual["samples"]
    samples += usual.get("logs", 1) * usual.get("samples", 0) / 3  # no gradient
    return usual["couplings"] * samples * each
