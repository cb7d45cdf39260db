"""Wrong settings are refused, by name, before anything is trained."""

import math

import pytest
import torch

from modecollapse.flows import FlowSettings, train
from modecollapse.targets import BimodalTarget

TARGET = BimodalTarget(separation=1.0, dimension=2)
WRONG = [
    ("seeds", 0),
    ("seeds", 2.5),
    ("seeds", True),
    ("first_seed", -1),
    ("seed", -1),
    ("architecture", "glow"),
    ("couplings", 1),
    ("hidden", 0),
    ("hidden", "64"),
    ("depth", 0),
    ("direction", "sideways"),
    ("steps", 0),
    ("batch", 1),
    ("learning_rate", 0.0),
    ("learning_rate", math.nan),
    ("learning_rate", "1e-3"),
    ("learning_rate_schedule", "linear"),
    ("clip", 0.0),
    ("clip", math.inf),
    ("schedule", "exponential"),
    ("log_every", 0),
    ("evaluation_samples", 1),
    ("projection_samples", -1),
    ("projection_samples", 10**9),
    ("dtype", "float16"),
    ("device", "tpu"),
    ("ensemble_size", 0),
    ("compile", 1),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_wrong_values_are_named(name, value):
    with pytest.raises(ValueError, match=rf"^{name}: got .*; allowed: "):
        train(TARGET, **{name: value})


def test_unknown_settings_are_refused():
    with pytest.raises(TypeError, match="momentum"):
        train(TARGET, momentum=0.9)


def test_one_dimension_is_refused():
    with pytest.raises(ValueError, match=r"^target\.dimension: got 1; allowed: >= 2"):
        train(BimodalTarget(separation=1.0, dimension=1), seeds=1, steps=1)


def test_a_checkpoint_interval_of_zero_is_refused():
    with pytest.raises(ValueError, match=r"^checkpoint_every: got 0"):
        train(TARGET, seeds=1, steps=1, checkpoint_every=0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"^device: got 'cuda'; allowed: cpu"):
        train(TARGET, device="cuda")


def test_settings_are_frozen():
    with pytest.raises(AttributeError):
        FlowSettings().steps = 3
