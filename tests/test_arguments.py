"""Wrong arguments from a notebook: a ValueError that names the argument first."""

from __future__ import annotations

import numpy as np
import pytest

import modecollapse as mc

P = mc.target(separation=3.0, dimension=4)
FAR = mc.target(separation=50.0, dimension=4)
PLACED = mc.random_start(P, 2, np.random.default_rng(0))
PAIR = [[1.0, 2.0]], [[4.0, 0.0, 4.0]]


def start(target=P):
    return mc.random_start(target, 2, np.random.default_rng(0))


def simulate(target=P, begin=None, **changes):
    settings = {"step_size": 0.1, "steps": 1, "batch": 8, "seed": 0, **changes}
    return mc.simulate(target, start() if begin is None else begin, **settings)


def annealed(target=P, begin=PLACED, **changes):
    return mc.integrate_annealed(target, begin, [1.0], **changes)


# what is called, the argument that the message names first, and what it says besides
CALLS = {
    "m is text": (lambda: mc.Overlaps("a", PAIR[1]), "m", "got 'a'; allowed: an array (n, 2)"),
    "q is text": (lambda: mc.Overlaps(PAIR[0], "abc"), "q", "got 'abc'; allowed: Q11"),
    "ragged": (lambda: mc.Overlaps(PAIR[0], [[1, 2], [3]]), "q", "got [[1, 2], [3]]"),
    "logit": (lambda: mc.Overlaps(*PAIR, logit="a"), "logit", "got 'a'"),
    "overlap variances": (lambda: mc.Overlaps(*PAIR, variances="a"), "variances", "got 'a'"),
    "vectors": (lambda: mc.Overlaps.from_vectors("a", [1.0]), "means", "got 'a'"),
    "vectors, d": (
        lambda: mc.Overlaps.from_vectors(np.ones((5, 2, 3)), [1.0]),
        "means",
        "got (5, 2, 3)",
    ),
    "means are text": (lambda: mc.mixture("abc"), "means", "got 'abc'; allowed: an array (K, d)"),
    "ragged means": (lambda: mc.mixture([[1, 2], [3]]), "means", "got [[1, 2], [3]]"),
    "weights": (lambda: mc.mixture([[1.0]], weights="x"), "weights", "got 'x'"),
    "sum": (lambda: mc.mixture([[1.0], [2.0]], [0.5, 0.6]), "weights", "that sum to 1"),
    "variances": (lambda: mc.mixture([[1.0]], variances=["x"]), "variances", "got ['x']"),
    "points": (lambda: P.mixture().log_density("a"), "x", "got 'a'"),
    "direction": (lambda: P.mixture("a"), "direction", "got 'a'"),
    "birth, 0": (lambda: mc.critical_separation(0), "target_weight", "in [1e-12, 1 - 1e-12]"),
    "birth, 1": (lambda: mc.critical_separation(1), "target_weight", "in [1e-12, 1 - 1e-12]"),
    "birth, w": (lambda: mc.critical_separation(0.5, 1e-4), "component_weight", "[0.001, 0.999]"),
    "birth, α": (lambda: mc.critical_separation(alpha=1.0), "alpha", "got 1.0; allowed: a finite"),
    "birth, λ": (lambda: mc.critical_separation(share=-0.1), "share", "got -0.1; allowed: a fin"),
    "birth, α and λ": (
        lambda: mc.critical_separation(alpha=0.1, share=0.1),
        "alpha and share",
        "got (0.1, 0.1); allowed: one of them",
    ),
    "birth, w and α": (
        lambda: mc.critical_separation(0.5, 0.3, alpha=0.1),
        "component_weight",
        "got 0.3; allowed: 0.5 where",
    ),
    "rest": (lambda: mc.fixed_points(50.0, 0.5), "separation", "in [0.05, 19]"),
    "far": (lambda: mc.integrate(FAR, start(FAR), [1.0]), "separation", "got 50.0; allowed: a fin"),
    "times": (lambda: mc.integrate(P, start(), "a"), "times", "got 'a'; allowed: strictly"),
    "eta": (lambda: mc.integrate(P, start(), [1.0], eta="a"), "eta", "got 'a'"),
    "no target": (lambda: mc.integrate("ab", start(), [1.0]), "target", "got 'ab'"),
    "no start": (lambda: mc.integrate(P, 3, [1.0]), "start", "got 3; allowed: Overlaps"),
    "no target to anneal": (lambda: annealed("ab"), "target", "got 'ab'"),
    "no start to anneal": (lambda: annealed(begin=None), "start", "got None; allowed: Overlaps"),
    "rate to anneal": (lambda: annealed(eta="a"), "eta", "got 'a'"),
    "no threads": (lambda: annealed(threads=0), "threads", "got 0"),
    "a schedule's name": (lambda: annealed(schedule="linear"), "schedule", "got 'linear'"),
    "no target to simulate": (lambda: simulate("ab"), "target", "got 'ab'"),
    "no start to simulate": (lambda: simulate(begin=3), "start", "got 3"),
    "rates": (lambda: simulate(eta="a"), "eta", "got 'a'"),
    "masses are text": (lambda: mc.outcome("a", [0.5, 0.5]), "masses", "got 'a'"),
    "masses, sum": (
        lambda: mc.outcome([[0.5, 0.5], [0.5, 0.9]], [0.5, 0.5]),
        "masses",
        "[0.5, 0.9]",
    ),
    "masses, sign": (lambda: mc.outcome([[1.5, -0.5]], [0.5, 0.5]), "masses", ">= 0 that sum to 1"),
    "modes, sum": (lambda: mc.outcome([[0.5, 0.5]], [0.5, 0.9]), "target_weights", "sum to 1"),
    "weights of q": (lambda: mc.outcome([[0.5, 0.5]], [0.5, 0.5], "x"), "component_weights", "'x'"),
}


@pytest.mark.parametrize("case", CALLS)
def test_the_argument_is_named(case):
    call, name, says = CALLS[case]
    with pytest.raises(ValueError, match=rf"^{name}: got ") as caught:
        call()
    assert says in str(caught.value)
