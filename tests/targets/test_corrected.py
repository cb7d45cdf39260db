"""Corrected tempered paths, against integrals of p_β on a line."""

import numpy as np
import pytest
import torch

import modecollapse as mc
from modecollapse.flows.objectives import OBJECTIVES
from modecollapse.targets import correct_path, elliptical, find_modes
from modecollapse.targets.densities import density, tempered

P = elliptical([[6.0, 0.0], [-6.0, 0.0]], [0.8, 0.2], [[0.05, 0.05], [1.0, 1.0]])
AXES = torch.eye(2, dtype=torch.float64)[None]


@pytest.fixture(scope="module")
def modes():
    return find_modes(P, starts=P.means)


def right(target, beta):
    """The part of p_β right of the middle, by a sum over a grid."""
    x = torch.linspace(-20, 20, 1601, dtype=torch.float64)
    y = torch.linspace(-12, 12, 481, dtype=torch.float64)
    points = torch.stack(torch.meshgrid(x, y, indexing="ij"), -1).reshape(1, -1, 2)
    heights = tempered(density(target, AXES), points, torch.tensor([beta], dtype=torch.float64))[
        0
    ].exp()
    return float(heights[points[0, :, 0] > 0].sum() / heights.sum())


@pytest.mark.parametrize("beta", [1.0, 0.5, 0.2])
def test_weights_are_kept_where_tempering_gives_them_to_the_broad_mode(modes, beta):
    assert right(correct_path(P, modes, "kept"), beta) == pytest.approx(0.8, abs=0.01)
    evened = 0.8**beta / (0.8**beta + 0.2**beta)
    assert right(correct_path(P, modes), beta) == pytest.approx(evened, abs=0.01)
    plain = 0.8**beta * 0.05 ** (1 - beta)  # Eq. 17.3, d = 2
    plain /= plain + 0.2**beta
    assert right(P, beta) == pytest.approx(plain, abs=0.01)
    assert beta == 1.0 or plain < 0.5


def test_at_the_end_the_target_is_itself_whatever_the_modes_are(modes):
    x = torch.randn(1, 50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 5
    one = torch.ones(1, dtype=torch.float64)
    own = density(correct_path(P, modes), AXES)
    end = tempered(own, x, one)
    np.testing.assert_allclose(end, P.log_density(x), atol=1e-12)
    np.testing.assert_allclose(own.log_density(x), P.log_density(x), atol=1e-12)
    assert not np.allclose(tempered(own, x, 0.5 * one), 0.5 * P.log_density(x), atol=0.1)


@pytest.mark.parametrize("path", ["kept", "evened"])
def test_the_path_is_equation_17_8_at_each_point(modes, path):
    """Between the modes too, where the β within R_k tells: up to one constant for all x."""
    rng, beta = np.random.default_rng(2), 0.05
    x = np.concatenate([rng.normal(0, 2, (40, 2)) * [3, 1], modes.places])
    half_log_det = 0.5 * np.linalg.slogdet(modes.covariances)[1]
    away = x[:, None] - modes.places
    square = np.einsum("nkd,kde,nke->nk", away, np.linalg.inv(modes.covariances), away)
    joint = modes.weights * np.exp(-half_log_det - 0.5 * square)
    factor = np.exp(-half_log_det) * (modes.weights if path == "kept" else 1)
    share = joint**beta / (joint**beta).sum(1, keepdims=True)
    expected = beta * P.log_density(torch.as_tensor(x)).numpy()
    expected += np.log((share * factor ** (1 - beta)).sum(1))
    own = density(correct_path(P, modes, path), AXES)
    ours = tempered(own, torch.as_tensor(x)[None], torch.tensor([beta], dtype=torch.float64))[0]
    np.testing.assert_allclose(ours - ours[0], expected - expected[0], rtol=0, atol=1e-10)


def test_objectives_follow_the_path(modes):
    """The reverse KL on the path differs from that on p^β by the mean of what the path adds."""
    from modecollapse.flows.architectures.realnvp import RealNVP

    flow = RealNVP(2, 2, 8, 1)
    theta = torch.as_tensor(flow.initial(np.random.default_rng(1)))[None]
    z = torch.randn(1, 64, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    half = torch.full((1,), 0.3, dtype=torch.float64)
    kept, plain = (density(t, AXES) for t in (correct_path(P, modes), P))
    x, _ = flow.forward(theta, z)
    added = (tempered(kept, x, half) - tempered(plain, x, half)).mean(-1)
    assert float(abs(added).min()) > 0.1
    for name in ("reverse-kl", "sticking-the-landing"):
        loss = [OBJECTIVES[name].loss(flow, own)(theta, z, half) for own in (plain, kept)]
        np.testing.assert_allclose((loss[0] - loss[1]).detach(), added.detach(), atol=1e-10)


def test_a_log_density_alone_will_do_and_the_record_tells_the_path(modes):
    own = mc.custom(P.log_density, 2, modes=P.means, weights=P.weights)
    kept = correct_path(own, modes)
    told = kept.description()
    assert told["path weights"] == modes.weights.tolist()
    assert told["path"] == "evened"
    run = mc.train(
        kept, seeds=2, couplings=2, hidden=8, steps=4, batch=16, device="cpu",
        schedule=mc.schedule("ess", beta_initial=0.05, bound=0.01, rate=0.1),
    )  # fmt: skip
    assert run.final("mass_0").shape == (2,)
    with pytest.raises(ValueError, match=r"modes: got 'modes in 2 dimensions'; allowed: d = 3"):
        correct_path(mc.target(2.0, 3), modes)
    with pytest.raises(ValueError, match=r"weights: got 'own'; allowed: one of evened"):
        correct_path(own, modes, "own")
    with pytest.raises(ValueError, match="schedule"):
        mc.train(
            kept,
            seeds=1,
            steps=2,
            schedule=mc.schedule("adaptive", beta_initial=0.1, bound=1.0, rate=1.0),
        )
