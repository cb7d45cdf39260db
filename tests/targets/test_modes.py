"""Modes by ascent: where they are, what they weigh, how far they are apart, and what is refused."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from modecollapse.targets import ManyWell, Phi4, custom, elliptical, find_modes, target
from modecollapse.targets.custom import CustomTarget
from modecollapse.targets.elliptical import anisotropic

MEANS = np.array([[4.0, 0.0, 0.0], [-3.0, 2.0, 0.0], [0.0, -4.0, 3.0]])
SCALES = np.array(
    [
        [[1.0, 0.3, 0.0], [0.3, 0.5, 0.1], [0.0, 0.1, 2.0]],
        np.diag([0.3, 1.0, 0.5]),
        np.diag([1.0, 2.0, 0.2]),
    ]
)


def raw(log_density, d=2):
    """A target that nobody has looked at before."""
    return CustomTarget(log_density, d, None, None, None, 10.0)


def test_gaussians_of_any_shape_are_found_with_their_weights():
    p = elliptical(MEANS, [0.6, 0.3, 0.1], SCALES)
    modes = find_modes(p, starts=40)
    assert len(modes) == 3
    np.testing.assert_allclose(modes.places, MEANS, atol=0.03)  # the others pull a little
    np.testing.assert_allclose(modes.covariances, SCALES, atol=0.06)
    assert (abs(modes.weights - [0.6, 0.3, 0.1]) < 4.5 * modes.errors).all()
    assert modes.errors.max() < 0.01
    assert abs(modes.log_z) < 4.5 * modes.log_z_error
    assert modes.reached.sum() <= modes.starts == 40
    half = (modes.places[0] - modes.places[1]) / 2
    middle = (modes.covariances[0] + modes.covariances[1]) / 2
    assert modes.separations[0, 1] ** 2 == pytest.approx(half @ np.linalg.solve(middle, half))
    assert modes.separation == modes.separations[~np.eye(3, dtype=bool)].min()
    assert list(modes.table()["mode"]) == [0, 1, 2]


def test_the_separation_is_r():
    assert find_modes(target(3.0, 4, 0.8), starts=20).separation == pytest.approx(3.0, abs=1e-3)
    assert find_modes(anisotropic(4.0, 5, 20.0), starts=20).separation == pytest.approx(4, abs=1e-3)
    p = Phi4(3, 2, -1.0, 1.0)
    modes = find_modes(p, starts=20)
    half = modes.places[0] - modes.places[1]
    assert abs(half).min() == pytest.approx(2 / np.sqrt(2))  # uniform fields ±√(1/2)
    assert modes.separation == pytest.approx(p.separation)


def test_barriers_are_those_of_the_line_between_the_modes():
    modes = find_modes(target(3.0, 4), starts=20)
    assert modes.barriers[0, 1] == pytest.approx(4.5 - np.log(2), abs=1e-3)
    assert modes.barrier_separation == pytest.approx(3.0, abs=1e-3)
    uniform = find_modes(Phi4(3, 2, -1.0, 1.0), starts=20)
    assert uniform.barriers[0, 1] == pytest.approx(9 / 4)  # N m⁴/4λ


def test_weights_and_log_z_of_the_many_well_are_its_integrals():
    p = ManyWell(2)
    modes = find_modes(p, starts=40)
    assert sorted(modes.weights) == pytest.approx(sorted(p.weights), abs=4.5 * modes.errors.max())
    assert modes.log_z == pytest.approx(p.log_z, abs=4.5 * modes.log_z_error)
    assert modes.log_z_error < 0.02


def test_heating_weighs_modes_by_their_volume():
    """By quadrature of p^β on a line, where the modes of p^β are still apart."""
    p = elliptical([[6.0, 0.0], [-6.0, 0.0]], [0.8, 0.2], [[0.05, 1.0], [1.0, 1.0]])
    modes = find_modes(p, starts=20)
    x = np.linspace(-14, 14, 40_001)
    for beta in (1.0, 0.5, 0.2):
        line = torch.as_tensor(np.stack([x, 0 * x], -1))
        heights = np.exp(beta * p.log_density(line).numpy())
        part = heights[x > 0].sum() / heights.sum()  # the second coordinate is the same for both
        heavy = modes.heated(beta)[int(modes.places[0, 0] < 0)]
        assert heavy == pytest.approx(part, abs=0.02)
    assert modes.heated(0.2).argmax() != modes.weights.argmax()  # the narrow heavy one has lost
    with pytest.raises(ValueError, match=r"^beta: got 0"):
        modes.heated(0.0)


def test_the_error_says_where_importance_sampling_fails():
    """Sixty-four strongly coupled sites: a handful of samples carries all weight."""
    modes = find_modes(Phi4(8, 2, -0.5, 1.0), starts=6, samples=400)
    assert len(modes) == 2
    assert np.isinf(modes.errors).all()
    assert np.isinf(modes.log_z_error)
    assert modes.weights == pytest.approx([0.5, 0.5])
    assert modes.effective < 200


def test_one_mode_is_one_mode_and_what_is_not_seen_is_said():
    modes = find_modes(raw(lambda x: -0.5 * (x - 1).square().sum(-1)), starts=30)
    assert len(modes) == 1
    assert modes.separation == 0
    assert modes.weights[0] == pytest.approx(1)
    assert "9.5% of such starts" in modes.unseen
    hidden = elliptical([[0.0, 0.0], [200.0, 0.0]], scales=[1.0, 1e-4])
    assert len(find_modes(hidden, starts=[[0.5, 0.5]])) == 1


def test_starts_of_ones_own_are_used():
    p = elliptical([[6.0, 0.0], [-6.0, 0.0]])
    assert len(find_modes(p, starts=[[5.0, 1.0]])) == 1
    assert len(find_modes(p, starts=[[5.0, 1.0], [-5.0, 0.0]])) == 2
    with pytest.raises(ValueError, match=r"^starts: got \(3,\)"):
        find_modes(p, starts=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"^starts: got \(0, 2\)"):
        find_modes(p, starts=np.empty((0, 2)))


def wall(x):
    return torch.where(x[:, 0].abs() < 1e9, -torch.inf, 0.0) + 0 * x[:, 0]


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda x: -5 * (x.norm(dim=1) - 3).square(), "a ridge of modes"),
        (lambda x: -(x[:, 0] - x[:, 1]).square(), "a ridge of modes"),
        (lambda x: x[:, 0], "no mode: the ascent from every start runs away"),
        (lambda x: x.square().sum(-1), "no mode: the ascent from every start runs away"),
        (lambda x: 0 * x[:, 0], "no mode: a log-density without curvature"),
        (lambda x: -x.abs().sum(-1), "no mode: a log-density without curvature"),
        (wall, "-infinity at all 20 starts"),
        (lambda x: x[:, 0] * torch.nan, "NaN"),
        (lambda x: x[:, 0] + torch.inf, r"\+infinity"),
        (lambda x: x, r"\(20, 2\)"),
        (lambda x: 1.0, "float"),
        (lambda x: x.detach()[:, 0], "no gradient"),
    ],
)
def test_what_has_no_modes_is_told_in_words_and_in_time(function, told):
    begun = time.monotonic()
    with pytest.raises(ValueError, match=rf"^log_density: got '?{told}.*; allowed: "):
        find_modes(raw(function), starts=20, seconds=10)
    assert time.monotonic() - begun < 20


def test_a_slow_log_density_ends_in_time():
    def slow(x):
        time.sleep(0.02)
        return -0.5 * x.square().sum(-1) + (3 * x).cos().sum(-1)

    begun = time.monotonic()
    modes = find_modes(raw(slow), starts=1000, samples=10, seconds=1.0)
    assert time.monotonic() - begun < 8
    assert len(modes) >= 1
    assert modes.reached.sum() < 1000


def test_a_mode_of_ones_own_target_is_found_again():
    p = custom(lambda x: -(x[:, 0].square() - 4).square() - x[:, 1].square(), 2)
    modes = find_modes(p, starts=20)
    assert sorted(modes.places[:, 0]) == pytest.approx([-2, 2])
    np.testing.assert_allclose(modes.covariances[0], np.diag([1 / 32, 1 / 2]), rtol=1e-6)
