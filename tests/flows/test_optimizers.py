"""The optimisers of flows against those of torch, bit for bit, and what they do without."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from modecollapse.flows.optimizers import OPTIMIZERS

RATES = [1e-2, 1e-2, 3e-3, 1e-4, 0.0, 1e-3]
THEIRS = {
    "adam": lambda theta: torch.optim.Adam([theta], fused=True),
    "sgd": lambda theta: torch.optim.SGD([theta]),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_is_that_of_torch(name, dtype):
    draw = torch.Generator().manual_seed(0)
    ours = torch.randn(3, 50, generator=draw, dtype=dtype)
    theirs = ours.clone().requires_grad_()
    ours.requires_grad_()
    optimizer, torchs = OPTIMIZERS[name](ours), THEIRS[name](theirs)
    for rate in RATES:
        gradient = torch.randn(3, 50, generator=draw, dtype=dtype)
        ours.grad, theirs.grad = gradient.clone(), gradient
        torchs.param_groups[0]["lr"] = rate
        optimizer.step(rate)
        torchs.step()
        assert torch.equal(ours, theirs)


def test_a_training_does_not_load_the_compiler():
    program = (
        "import sys, modecollapse as mc\n"
        "mc.train(mc.target(2.0, 2), seeds=1, steps=2, batch=8, couplings=2, hidden=4,"
        " evaluation_samples=8)\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
