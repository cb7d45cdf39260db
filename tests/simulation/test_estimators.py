"""The hand-written gradients against automatic differentiation, and their expectation."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from modecollapse.simulation.densities import Mixtures, log_weights
from modecollapse.simulation.estimators import Estimator, Sums, components
from modecollapse.simulation.products import project
from modecollapse.targets import BimodalTarget

DIMENSION, BATCH = 5, 12
TARGETS = [BimodalTarget(2.0, DIMENSION, 0.8), BimodalTarget(3.0, DIMENSION, 0.5)]


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def states(seed, unit):
    """Two arbitrary states (means, modes, logit, variances, beta), one a row."""
    rng = np.random.default_rng(seed)
    modes = rng.standard_normal((2, DIMENSION))
    lengths = np.array([[p.separation] for p in TARGETS])
    return {
        "means": torch.tensor(rng.standard_normal((2, 2, DIMENSION))),
        "modes": torch.tensor(modes / np.linalg.norm(modes, axis=1, keepdims=True) * lengths),
        "logit": double([0.7, -1.2]),
        "variances": torch.tensor(np.ones((2, 2)) if unit else rng.uniform(0.3, 3, (2, 2))),
        "beta": double([1, 1] if unit else [0.3, 0.6]),
    }


def mixture(means, logit, variances):
    """q by torch.distributions."""
    scale = variances.sqrt()[:, None].expand_as(means)
    parts = Independent(Normal(means, scale), 1)
    return MixtureSameFamily(
        Categorical(logits=torch.stack([logit, torch.zeros_like(logit)])), parts
    )


def target_log_density(target, mode):
    means = torch.stack([mode, -mode])
    parts = Independent(Normal(means, torch.ones_like(means)), 1)
    return MixtureSameFamily(Categorical(probs=torch.tensor(target.weights)), parts).log_prob


def by_hand(state, noise, first, *, score_term, stratified, unit, cuts=(BATCH,), targets=TARGETS):
    """This package's gradients, over blocks that end at `cuts`."""
    vectors = torch.cat([state["means"], state["modes"][:, None]], 1)
    estimator = Estimator(
        vectors,
        Mixtures(
            gram=project(vectors, vectors),
            log_weights=log_weights(state["logit"]),
            variances=state["variances"],
            target_log_weights=double(np.array([np.log(p.weights) for p in targets])),
            beta=state["beta"],
            dimension=vectors.shape[2],
        ),
        first,
        Sums(
            batch=BATCH,
            score_term=score_term,
            stratified=stratified,
            norms=not unit,
            log_ratio=True,
            variances=not unit,
        ),
    )
    for begin, end in itertools.pairwise((0, *cuts)):
        estimator.add(noise[:, begin:end].clone(), components(first, begin, end))
    return estimator.gradient()


def by_autograd(state, noise, first, k, *, score_term, stratified):
    """Gradients of the loss of run k, written as one would write it with torch.distributions."""
    means, logit, variances = (
        state[name][k].clone().requires_grad_() for name in ("means", "logit", "variances")
    )
    n, batch = int(first[k]), noise.shape[1]
    component = (torch.arange(batch) >= n).long()
    x = means[component] + variances.sqrt()[component][:, None] * noise[k]
    log_p = target_log_density(TARGETS[k], state["modes"][k])
    fixed = (means.detach(), logit.detach(), variances.detach())
    q = mixture(means, logit, variances) if score_term else mixture(*fixed)
    f = q.log_prob(x) - state["beta"][k] * log_p(x)
    weights = log_weights(logit[None])[0].exp()
    if stratified:
        loss = weights[0] * f[:n].mean() + weights[1] * f[n:].mean()
    else:
        r = mixture(means, logit, variances)
        joint = r.mixture_distribution.logits + r.component_distribution.log_prob(x[:, None])
        share = joint.softmax(-1)[:, 0].detach()
        baselined = (f.detach() * (share - share.mean())).sum() / (batch - 1)
        loss = f.mean() + (logit - logit.detach()) * baselined
    return torch.autograd.grad(loss, (means, logit, variances))


@pytest.mark.parametrize("unit", [True, False], ids=["unit", "tempered, unequal variances"])
@pytest.mark.parametrize("stratified", [True, False], ids=["stratified", "sampled"])
@pytest.mark.parametrize("score_term", [True, False], ids=["pathwise", "sticking-the-landing"])
def test_gradients_are_those_of_autograd(score_term, stratified, unit):
    state = states(1, unit)
    noise = torch.tensor(np.random.default_rng(2).standard_normal((2, BATCH, DIMENSION)))
    first = torch.tensor([BATCH // 2] * 2) if stratified else torch.tensor([9, 3])
    which = {"score_term": score_term, "stratified": stratified}
    ours = by_hand(state, noise, first, unit=unit, **which)
    for k in range(2):
        means, logit, variances = by_autograd(state, noise, first, k, **which)
        torch.testing.assert_close(ours.means[k], means, rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(ours.logit[k], logit, rtol=1e-12, atol=1e-13)
        if not unit:
            torch.testing.assert_close(ours.variances[k], variances, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("unit", [True, False])
def test_blocks_add_up_to_the_batch(unit):
    state = states(3, unit)
    noise = torch.tensor(np.random.default_rng(4).standard_normal((2, BATCH, DIMENSION)))
    which = {"score_term": True, "stratified": False, "unit": unit}
    first = torch.tensor([5, 12])
    whole = by_hand(state, noise, first, **which)
    parts = by_hand(state, noise, first, cuts=(4, 6, BATCH), **which)
    torch.testing.assert_close(parts.means, whole.means, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(parts.logit, whole.logit, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(parts.log_ratio, whole.log_ratio, rtol=1e-12, atol=1e-14)


def draws(score_term, stratified, seed, batches=10_000, shift=0.0):
    """Many independent gradients of the first state, tempered, with unequal variances."""
    state = {k: v[:1].expand(batches, *v.shape[1:]) for k, v in states(5, unit=False).items()}
    rng = np.random.default_rng(seed)
    weight = float(log_weights(state["logit"][:1])[0, 0].exp())
    noise = torch.tensor(rng.standard_normal((batches, BATCH, DIMENSION)))
    halves = np.full(batches, BATCH // 2)
    first = torch.tensor(halves if stratified else rng.binomial(BATCH, weight + shift, batches))
    which = {"score_term": score_term, "stratified": stratified, "unit": False}
    g = by_hand(state, noise, first, targets=TARGETS[:1] * batches, **which)
    return torch.cat([g.means.flatten(1), g.logit[:, None], g.variances], 1).numpy()


def p_value(sample, exact):
    """Hotelling's test that `exact` is the mean of the sample (χ²: there are thousands)."""
    gap = sample.mean(0) - exact
    return stats.chi2.sf(gap @ np.linalg.solve(np.cov(sample.T) / len(sample), gap), len(gap))


def exact_gradient():
    """The gradient of the first state's loss, over 2^16 quasi-random points a component, with its
    sampling error far under that of :func:`draws`."""
    state = states(5, unit=False)
    points = stats.qmc.Sobol(DIMENSION, rng=np.random.default_rng(6)).random_base2(16)
    noise = torch.tensor(stats.norm.ppf(points)).repeat(2, 1)[None].expand(2, -1, -1)
    first = torch.tensor([noise.shape[1] // 2] * 2)
    which = {"score_term": False, "stratified": True}
    return torch.cat([g.flatten() for g in by_autograd(state, noise, first, 0, **which)]).numpy()


@pytest.mark.parametrize("stratified", [True, False], ids=["stratified", "sampled"])
@pytest.mark.parametrize("score_term", [True, False], ids=["pathwise", "sticking-the-landing"])
def test_the_mean_is_the_exact_gradient(score_term, stratified):
    exact = exact_gradient()
    assert p_value(draws(score_term, stratified, seed=7), exact) > 1e-5
    if not stratified:  # the test has teeth: a component drawn 3 % too often is caught
        assert p_value(draws(score_term, stratified, seed=8, shift=0.03), exact) < 1e-8


def test_without_the_score_term_a_perfect_fit_has_no_noise():
    mode = torch.zeros(2, DIMENSION, dtype=torch.float64)
    mode[:, 0] = double([p.separation for p in TARGETS])
    state = states(9, unit=True)
    state |= {"means": torch.stack([mode, -mode], 1), "modes": mode}
    state["logit"] = double([p.logit for p in TARGETS])
    noise = torch.tensor(np.random.default_rng(10).standard_normal((2, BATCH, DIMENSION)))
    for stratified in (True, False):
        which = {"stratified": stratified, "unit": True}
        still = by_hand(state, noise, torch.tensor([6, 6]), score_term=False, **which)
        noisy = by_hand(state, noise, torch.tensor([6, 6]), score_term=True, **which)
        assert still.means.abs().max() < 1e-14
        assert still.logit.abs().max() < 1e-14
        assert noisy.means.abs().max() > 1e-2
