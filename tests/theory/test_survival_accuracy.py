"""How far `survival` is from simulated descents, over the range that it accepts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from modecollapse.simulation.passage import first_passages
from modecollapse.simulation.settings import Descent
from modecollapse.targets import BimodalTarget
from modecollapse.theory.bifurcations import critical_separation
from modecollapse.theory.escape.normal_form import normal_form
from modecollapse.theory.escape.path import find_exit
from modecollapse.theory.escape.survival import escape, survival

DOCS = Path(__file__).parents[2] / "docs"
CRITICAL = critical_separation()
LONGEST = 2e4  # evaluations of p in a mean time, of those that are simulated
# What the docstring of `survival` promises, and the largest chance error of a frequency besides.
ABOVE, NOISY, QUIET = 0.15, 0.15, 0.3


def begin(r, given):
    """The collapsed state, or where it was born."""
    kind = given["estimator"] == "pathwise", given["components"] == "stratified"
    exit = find_exit(r, *kind)
    return tuple(normal_form(*kind).positions if exit is None else map(float, exit.state))


def largest_error(r, given, runs, seed):
    """Between the part still collapsed of simulated runs, at any step, and `survival`."""
    p = BimodalTarget(r, 1)
    law = escape(p, **given)
    most = int(8 * law.mean / given["step_size"])
    descent = Descent(
        given["step_size"], most, given["batch"], seed=seed,
        estimator=given["estimator"], components=given["components"],
    )  # fmt: skip
    steps, left = first_passages(r, begin(r, given), descent, runs)
    ordered = np.sort(steps[left])
    kept = survival(p, ordered, **given)
    gone = np.arange(len(ordered)) / runs
    return max(np.abs(kept - 1 + gone).max(), np.abs(kept - 1 + gone + 1 / runs).max())


def promised(r, given):
    noisy = given["step_size"] / given["batch"] >= 0.01
    return ABOVE if r > CRITICAL else NOISY if noisy else QUIET


def drawn(rng):
    """A point of the range, near enough for the time to be simulated."""
    while True:
        r, h = float(rng.uniform(2.1, 2.8)), float(np.exp(rng.uniform(np.log(0.01), np.log(0.5))))
        given = {
            "step_size": h,
            "batch": int(2 * 2 ** rng.integers(0, 6)),
            "estimator": ("pathwise", "sticking-the-landing")[rng.integers(2)],
            "components": ("stratified", "sampled")[rng.integers(2)],
        }
        try:
            law = escape(BimodalTarget(r, 1), **given)
        except ValueError:  # h/B outside
            continue
        if law.mean / h * given["batch"] < LONGEST:
            return r, given


def test_larger_batches_are_not_promised():
    """Below the fold by B = 500 the error is what the documents tell."""
    given = {"step_size": 0.5, "batch": 500, "estimator": "pathwise", "components": "stratified"}
    error = largest_error(2.1, given, 1000, 3)
    assert error > QUIET
    for page, words in (("practice.md", "by up to"), ("theory/16-survival.md", "the error was")):
        text = " ".join((DOCS / page).read_text(encoding="utf-8").split())
        (told,) = re.findall(rf"{words} (0\.\d)\b", text)
        assert float(told) == round(error, 1)


def test_documents_promise_the_same():
    practice, chapter, docstring = (
        " ".join(text.split())
        for text in (
            (DOCS / "practice.md").read_text(encoding="utf-8"),
            (DOCS / "theory" / "16-survival.md").read_text(encoding="utf-8"),
            survival.__doc__,
        )
    )
    near = f"{ABOVE:g} above r_c = {CRITICAL:.2f}, below it to {NOISY:g}"
    assert f"{near}, with h/B < 0.01 to {QUIET:g}" in practice
    rows = re.findall(r"\| \d+ \| ([\d.]+) \| ([\d.]+) \|", chapter)
    assert [float(most) for _, most in rows] == [ABOVE, NOISY, QUIET]
    assert all(float(found) < float(most) for found, most in rows)
    assert f"right to {ABOVE:g} above the critical separation (d = 1 and 4), below it" in docstring
    assert f"to {NOISY:g} where h/B is 0.01 and more, else to {QUIET:g}" in docstring
    assert f"else to {QUIET:g}" in docstring


@pytest.mark.slow
def test_over_the_whole_range():
    rng, runs = np.random.default_rng(7), 1000
    chance = 1.63 / np.sqrt(runs)  # Kolmogorov and Smirnov's, passed in one of a hundred
    for seed in range(90):
        r, given = drawn(rng)
        assert largest_error(r, given, runs, seed) < promised(r, given) + chance, (r, given)


@pytest.mark.parametrize(
    ("r", "h", "batch", "estimator"),
    [
        (2.35, 0.4, 4, "sticking-the-landing"),
        (2.2, 0.4, 8, "pathwise"),
        (2.11, 0.06, 32, "pathwise"),
    ],
)
def test_at_a_point_of_each_kind(r, h, batch, estimator):
    given = {"step_size": h, "batch": batch, "estimator": estimator, "components": "stratified"}
    assert largest_error(r, given, 300, 1) < promised(r, given) + 1.63 / np.sqrt(300)
