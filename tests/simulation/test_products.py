"""Products: against numpy, and the same bits wherever their factors lie in memory."""

import numpy as np
import pytest
import torch

from modecollapse.simulation.products import combine, place, project

SHAPES = [(8, 32), (5, 3), (1, 1), (33, 37), (300, 32), (1030, 9)]


def at(values, shift):
    """A copy that begins `shift` numbers after a cache line."""
    buffer = torch.empty(values.numel() + 64, dtype=values.dtype)
    begin = -buffer.data_ptr() % 64 // values.element_size() + shift
    out = buffer[begin : begin + values.numel()].view(values.shape)
    return out.copy_(values)


def factors(d, b, n=3, dtype=torch.float64):
    rng = np.random.default_rng([d, b])
    shapes = (n, 3, d), (n, b, d), (n, 2, b)
    return [torch.from_numpy(rng.standard_normal(shape)).to(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("d", "b"), SHAPES)
def test_products_are_those_of_numpy(d, b, dtype):
    vectors, x, shares = factors(d, b, dtype=dtype)
    allowed = {"rtol": 1e-3, "atol": 1e-4} if dtype is torch.float32 else {"atol": 1e-12}
    exact = np.einsum("nik,njk->nij", vectors, x)
    np.testing.assert_allclose(project(vectors, x), exact, **allowed)
    np.testing.assert_allclose(combine(shares, x), np.einsum("nij,njk->nik", shares, x), **allowed)
    assert project(vectors, x).dtype == combine(shares, x).dtype == dtype


@pytest.mark.parametrize(("d", "b"), SHAPES)
def test_bits_depend_neither_on_alignment_nor_on_company(d, b):
    vectors, x, shares = factors(d, b)
    together = project(vectors, x), combine(shares, x)
    for shift in range(8):
        for k in range(3):
            one, points, share = (at(v[k : k + 1], shift + k) for v in (vectors, x, shares))
            assert torch.equal(project(one, points), together[0][k : k + 1])
            assert torch.equal(combine(share, points), together[1][k : k + 1])


def test_samples_lie_around_the_mean_of_their_component():
    means, noise, _ = factors(4, 5)
    one = torch.zeros(3, 2, 5, dtype=torch.float64)
    one[:, 0, :2] = one[:, 1, 2:] = 1
    deviations = torch.tensor([[1.0, 2.0], [0.5, 0.5], [3.0, 1.0]], dtype=torch.float64)
    x = noise.clone()
    place(x, one, means, deviations)
    for k in range(3):
        for b in range(5):
            i = int(b >= 2)
            exact = means[k, i] + deviations[k, i] * noise[k, b]
            np.testing.assert_allclose(x[k, b], exact, rtol=1e-15)
