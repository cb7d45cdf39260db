"""Every argument of every public function with forty kinds of wrong value, and with extremes.

The functions are found by themselves: one that is new needs a row in EXAMPLES, a call that works.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from wrong_values import EXTREMES, VALUES

import modecollapse as mc
from modecollapse.simulation.settings import Descent

OTHERS = ("theory", "simulation", "flows", "targets")
ROOMS = ("modecollapse", *(f"modecollapse.{name}" for name in OTHERS))
P = mc.target(separation=3.0, dimension=4)
START = mc.random_start(P, 2, np.random.default_rng(0))
MODES = mc.theory.MultimodalTarget.simplex(3, 3.0, 4)
MODES_START = mc.theory.random_modes_start(MODES, 1, 2, np.random.default_rng(0))
PAIR = mc.mixture([[2.0, 0.0], [-2.0, 0.0]])
HALF = [0.5, 0.5]
SIMULATED: dict[str, Any] = {
    "target": P, "start": START, "step_size": 0.1, "steps": 1, "batch": 8, "seed": 0,
    "evaluation_samples": 16,
}  # fmt: skip
TRAINED: dict[str, Any] = {
    "target": P, "seeds": 1, "steps": 1, "batch": 8, "evaluation_samples": 16,
}  # fmt: skip

SMALL = {"couplings": 2, "hidden": 4, "device": "cpu"}

# What a call needs; what else it takes has a default.
EXAMPLES: dict[str, dict[str, Any]] = {
    "FlowSettings": {},
    "Overlaps": {"m": [[1.0, 2.0]], "q": [[4.0, 0.0, 4.0]]},
    "critical_separation": {},
    "correct_path": {"target": PAIR, "modes": mc.targets.find_modes(PAIR, starts=PAIR.means)},
    "custom": {"log_density": lambda x: -(x**2).sum(-1), "dimension": 2},
    "fixed_points": {"separation": 3.0},
    "integrate": {"target": P, "start": START, "times": [0.1]},
    "integrate_annealed": {"target": P, "start": START, "times": [0.1]},
    "mixture": {"means": [[0.0], [1.0]]},
    "outcome": {"masses": [HALF], "target_weights": HALF, "component_weights": [HALF]},
    "random_start": {"target": P, "n": 2, "rng": np.random.default_rng(0)},
    "recommend": {"separation": 4.0, "dimension": 64},
    "schedule": {"name": "linear", "beta_initial": 0.1, "time": 1.0},
    "simulate": SIMULATED,
    "simulate_reduced": SIMULATED,
    "target": {"separation": 3.0, "dimension": 4},
    "train": TRAINED,
    "fit": TRAINED,
    "judge": {"run": mc.train(PAIR, seeds=1, steps=1, batch=8, **SMALL), "target": PAIR},
    "load": {"path": "flows.pt"},
    "MultimodalOverlaps": {"m": [[[1.0, 0.0]]], "q": [[[1.0]]]},
    "MultimodalTarget": {"overlaps": [[1.0, 0.0], [0.0, 1.0]], "dimension": 4},
    "best_fit": {"separation": 3.0},
    "endings": {"separation": 3.0},
    "collapse_probability": {"target": P},
    "integrate_geometry": {"target": P, "start": START, "times": [0.1]},
    "integrate_modes": {"target": MODES, "start": MODES_START, "times": [0.1]},
    "random_modes_start": {
        "target": MODES,
        "n": 1,
        "n_components": 2,
        "rng": np.random.default_rng(0),
    },
    "regret_line": {"separations": [2.0]},
    "BimodalTarget": {"separation": 3.0, "dimension": 4},
    "EllipticalMixture": {"means": [[0.0], [1.0]]},
    "GaussianMixture": {"means": [[0.0], [1.0]]},
    "LabelSwitching": {},
    "ManyWell": {},
    "Phi4": {"extent": 2},
    "SignPosterior": {"dimension": 2},
    "elliptical": {"means": [[0.0], [1.0]]},
    "from_file": {"path": "target.toml"},
    "named": {"kind": "well"},
    "MixtureStart": {"means": [[[1.0, 0.0]]]},
    "Objective": {},
    "diagnose": {**TRAINED, **SMALL, "target": PAIR, "starts": 4},
    "find_modes": {"target": PAIR, "starts": 4, "samples": 10},
    "rank_remedies": {},
    "simulate_mixture": {
        "target": PAIR,
        "start": mc.simulation.MixtureStart([[[1.0, 0.0], [0.0, 1.0]]]),
        "descent": Descent(step_size=0.1, steps=2, batch=8, seed=0),
        "at": [2],
        "evaluation_samples": 16,
    },
    "survival": {"target": mc.target(2.4, 1), "steps": 1, "step_size": 0.1, "batch": 8},
}
NOT_CALLED = {
    "Outcome": "an enumeration",
    "Trajectory": "made by the roads",
    "TrainedFlows": "made by training",
    "CustomTarget": "made by custom",
    "Density": "a protocol",
    "Target": "a protocol",
    "Modes": "made by find_modes",
    "show_versions": "takes nothing",
}
# What an argument rightly takes among the wrong values.
SIGNED = {"negative", "a whole number below"}
FINE: dict[str, set[str]] = {
    "custom(log_z)": SIGNED,
    "outcome(components_arrived)": {"a truth", "truths"},
    "EllipticalMixture(degrees)": {"infinity"},
    "elliptical(degrees)": {"infinity"},
    "ManyWell(tilt)": SIGNED,
    "Phi4(field)": SIGNED,
    "Phi4(mass_squared)": SIGNED,
    "train(checkpoint)": {"text", "text of a number"},
    "load(path)": {"text", "text of a number"},
    "survival(steps)": {"empty", "many dimensions"},
}


def functions() -> dict[str, Any]:
    """Every public function and class by its name."""
    rooms = [import_module(name) for name in ROOMS]
    return {
        name: getattr(room, name)
        for room in rooms
        for name in room.__all__
        if callable(getattr(room, name))
    }


def arguments() -> Iterator[tuple[str, str]]:
    for name, function in functions().items():
        if name in EXAMPLES:
            named = inspect.signature(function).parameters.values()
            known = {p.name for p in named if p.kind is not p.VAR_KEYWORD} | EXAMPLES[name].keys()
            yield from ((name, argument) for argument in sorted(known))


def test_every_public_function_has_an_example():
    assert functions().keys() == EXAMPLES.keys() | NOT_CALLED.keys()


@pytest.mark.parametrize(("name", "argument"), list(arguments()))
def test_a_wrong_value_is_named(name, argument):
    function = functions()[name]
    parameter = inspect.signature(function).parameters.get(argument)
    fine = set(FINE.get(f"{name}({argument})", set()))
    said = str(parameter.annotation) if parameter is not None else ""
    fine |= {"None"} if "None" in said or getattr(parameter, "default", 0) is None else set()
    fine |= {"a truth"} if said == "bool" else set()
    for kind, value in VALUES.items():
        call = {**EXAMPLES[name], argument: value}
        if kind in fine:
            if name not in ("train", "fit", "load", "recommend"):
                function(**call)
            continue
        with pytest.raises(ValueError, match=rf"^{argument}\b.*: got ") as caught:
            function(**call)
        assert len(str(caught.value)) < 400, kind


LONG = {  # what is rightly taken, and takes long
    ("diagnose", "seconds"): {"one", "just below one", "just above one"},
}
SLOW = {
    ("critical_separation", "alpha"),
    ("integrate", "atol"),
    ("integrate_annealed", "atol"),
    ("integrate_annealed", "eta"),
    ("recommend", "collapse"),
    ("recommend", "target_weight"),
}


def marked() -> Iterator[Any]:
    for pair in arguments():
        yield pytest.param(*pair, marks=[pytest.mark.slow] if pair in SLOW else [])


@pytest.mark.parametrize(("name", "argument"), list(marked()))
def test_an_extreme_value_is_answered_or_refused(name, argument):
    """With one ValueError that names an argument; no division by zero, overflow or lack of memory,
    and no work without an end."""
    for kind, value in EXTREMES.items():
        if kind in LONG.get((name, argument), ()):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            try:
                functions()[name](**{**EXAMPLES[name], argument: value})
            except ValueError as refused:
                said = str(refused)
                assert ": got " in said, (kind, said)
                assert "; allowed: " in said, (kind, said)
