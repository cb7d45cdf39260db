"""How many cores torch uses, and that it is as before afterwards."""

import pytest
import torch

from modecollapse.devices import limited_threads
from modecollapse.flows import train
from modecollapse.flows.ensemble import Ensemble
from modecollapse.targets import BimodalTarget


def test_threads_are_as_before_whatever_happens_inside():
    before, inside = torch.get_num_threads(), []

    def fails():
        with limited_threads(before + 1):
            inside.append(torch.get_num_threads())
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert inside == [before + 1]
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("threads", [0, 1.5, True, "2"])
def test_a_number_of_threads_that_is_none_is_named(threads):
    with pytest.raises(ValueError, match=r"^threads: got"):
        train(BimodalTarget(1.0, 2), seeds=1, steps=1, threads=threads)


@pytest.mark.parametrize("threads", [1, 2])
def test_training_uses_the_threads_that_it_is_given(threads, monkeypatch):
    seen, step, before = [], Ensemble.step, torch.get_num_threads()

    def watched(self, loss):
        seen.append(torch.get_num_threads())
        step(self, loss)

    monkeypatch.setattr(Ensemble, "step", watched)
    torch.set_num_threads(3)
    try:
        changes = {} if threads == 1 else {"threads": threads}
        train(BimodalTarget(1.0, 2), seeds=1, steps=2, hidden=4, batch=4, **changes)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert seen == [threads] * 2
