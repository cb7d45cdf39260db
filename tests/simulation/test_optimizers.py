"""The optimizers against torch.optim."""

import pytest
import torch

from modecollapse.simulation.optimizers import OPTIMIZERS

RATE = 0.03


def gradient(x):
    """Of an arbitrary smooth function."""
    return 4 * x**3 - torch.cos(3 * x)


def ours(name, x, steps):
    optimizer, x = OPTIMIZERS[name](), x.clone()
    for _ in range(steps):
        x = x - RATE * optimizer.direction(gradient(x))
    return x


def theirs(name, x, steps):
    x = x.clone().requires_grad_()
    optimizer = {
        "sgd": lambda: torch.optim.SGD([x], lr=RATE),
        "momentum": lambda: torch.optim.SGD([x], lr=RATE * (1 - 0.9), momentum=0.9),
        "adam": lambda: torch.optim.Adam([x], lr=RATE),
    }[name]()
    for _ in range(steps):
        x.grad = gradient(x.detach())
        optimizer.step()
    return x.detach()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_same_path_as_torch_optim(name):
    x = torch.linspace(-1, 1, 7, dtype=torch.float64).reshape(7, 1)
    torch.testing.assert_close(ours(name, x, 30), theirs(name, x, 30), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rows_do_not_depend_on_each_other(name):
    x = torch.linspace(-1, 1, 9, dtype=torch.float64).reshape(9, 1)
    assert torch.equal(ours(name, x, 10)[2:5], ours(name, x[2:5], 10))
