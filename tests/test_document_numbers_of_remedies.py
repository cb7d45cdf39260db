"""The numbers of sections 13 to 17, computed again; those before: :mod:`test_document_numbers`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pandas as pd
import pytest
from document_numbers import (
    NUMBER,
    agrees,
    chapter_of,
    columns_of,
    disagreeing,
    loose,
    loose_tables,
    page_of,
    rows_of,
)
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit
from scipy.stats import norm

from modecollapse.claims.claim import Estimate
from modecollapse.claims.intervals import difference, frequency
from modecollapse.theory import rank_remedies
from modecollapse.theory.bifurcations import NoFoldError, critical_separation
from modecollapse.theory.divergence_folds import divergence_critical_separation, far_separation
from modecollapse.theory.escape.noise import noise
from modecollapse.theory.escape.normal_form import normal_form, passage_function
from modecollapse.theory.escape.path import barrier, find_exit
from modecollapse.theory.escape.survival import escape_law
from modecollapse.theory.geometry_lifetime import aligned_lifetime, dead_component_wait
from modecollapse.theory.ranking import PROBLEMS

GEOMETRIES = ("euclidean", "wasserstein", "natural")
N = f"({NUMBER})"
Z = np.linspace(-9, 9, 1801)
SHARES = np.exp(-Z * Z / 2) / np.exp(-Z * Z / 2).sum()


def torn() -> list[float]:
    """g, y_2 and y_1 above Eq. 14.14: the strongest pull that the inner mean stands."""

    def part(first: float, second: float) -> np.ndarray:
        """r_2(z), of two even unit Gaussians at `first` and `second`."""
        return expit((second - first) * (Z - (first + second) / 2))

    def outer(second: float) -> float:
        return brentq(lambda y: SHARES @ ((1 - part(y, second)) * (Z - y)), 0, 3)

    def pull(second: float) -> float:
        return float(SHARES @ (part(outer(second), second) * (Z - second)))

    best = minimize_scalar(
        lambda y: -pull(y), bounds=(-3, -1), method="bounded", options={"xatol": 1e-9}
    )
    return [-best.fun, best.x, outer(best.x)]


def wilson() -> list[float]:
    one, none = frequency(1, 400), frequency(0, 400)
    return [one.low, one.high, none.high]


def counts(table: pd.DataFrame, remedy: str) -> tuple[int, int]:
    (row,) = table[table["remedy"] == remedy].itertuples()
    return row.n_collapsed, row.n_runs


@cache
def collapsed(remedy: str, problem: str) -> tuple[int, int]:
    """How many runs of how many are collapsed at the end, from the table of the package."""
    return counts(rank_remedies(problem), remedy)


def more(remedy: str, *problems: str) -> Estimate:
    """Part collapsed of a remedy minus that of the plain descent, problems together."""
    found = [np.sum([collapsed(name, p) for p in problems], axis=0) for name in (remedy, "plain")]
    return difference(*(frequency(*pair) for pair in found))


def spans(remedy: str, *problems: str) -> list[float]:
    gap = more(remedy, *problems)
    return [gap.value, gap.low, gap.high]


def restarts_on_four() -> list[float]:
    pairs = [
        collapsed(name, "four modes") for name in ("annealing, natural", "best of 10, natural")
    ]
    gap = difference(*(frequency(*pair) for pair in pairs))
    return [gap.value, gap.low, gap.high]


def widest() -> list[float]:
    """The largest distance from a part collapsed to an end of its interval, mixtures and flows."""
    found = []
    for flows in (False, True):
        rows = pd.concat([rank_remedies(problem, flows=flows) for problem in PROBLEMS])
        sides = [rows["high"] - rows["probability"], rows["probability"] - rows["low"]]
        found.append(max(side.max() for side in sides))
    return found


def idle() -> list[float]:
    """How far what has no effect is from the plain descent, and how far its intervals reach."""
    names = ("adam", "momentum", "small batches", "trained variances")
    gaps = [more(name, *PROBLEMS) for name in names]
    return [max(abs(g.value) for g in gaps), max(abs(x) for g in gaps for x in (g.low, g.high))]


def left_flows(remedy: str) -> list[float]:
    return list(np.sum([counts(rank_remedies(p, flows=True), remedy) for p in PROBLEMS], axis=0))


def at_half() -> list[float]:
    return list(np.sum([collapsed("share 0.5", problem) for problem in PROBLEMS], axis=0))


def eigenvector() -> list[float]:
    return list(normal_form(False).direction)


PROSE: list[tuple[str, str, Callable[[], Sequence[float]]]] = [
    ("remedies", rf"\(95 % Wilson interval {N} to {N}\), and in none of 400 in the others "
     rf"\(at most {N}\)", wilson),
    ("remedies", rf"\(95 % Wilson interval of none: at most {N}\)",
     lambda: [frequency(0, 48).high]),
    ("remedies", rf"at most \$g = {N}\$, at \$y_2 = {N}\$, \$y_1 = {N}\$", torn),
    ("remedies", rf"r_c = \\rho_c \+ {N}", lambda: [-torn()[1] / 2]),
    ("remedies", rf"It gives {N}, {N} and {N} at",
     lambda: [far_separation(a) for a in (0.9, 0.95, 0.985)]),
    ("remedies", rf" gives {N}, {N} and {N}\. ", lambda: [by_alpha(a) for a in (0.9, 0.95, 0.985)]),
    ("remedies", rf"{N} at \$\\lambda = 0\.45\$ by",
     lambda: [divergence_critical_separation(share=0.45)]),
    ("remedies", rf"to raise \$r_c\$ from {N} to", lambda: [critical_separation()]),
    ("remedies", rf"at \$\\alpha r = {N}\$, of \$10\^4\$ at \${N}\$, of \$10\^5\$ at \${N}\$",
     lambda: [norm.isf(10.0**-k) / 2 for k in (3, 4, 5)]),
    ("remedies", rf"intervals up to {N} to either side; RealNVP: 12 runs at the last step, {N}\)",
     widest),
    ("remedies", rf"less often there \({N}, \${N}\$ to \${N}\$, fewer", restarts_on_four),
    ("remedies", rf"leave {N} run of the {N} collapsed", at_half),
    ("remedies", rf"plain descent to {N}, with 95 % intervals within {N} of it", idle),
    ("remedies", rf"A wide start is undecided \({N} fewer, \${N}\$ to \${N}\$\)",
     lambda: [-x for x in np.array(spans("wide start", *PROBLEMS))[[0, 2, 1]]]),
    ("remedies", rf"collapsed at two unequal modes \({N}, \${N}\$ to \${N}\$\)",
     lambda: spans("small start", "unequal modes")),
    ("remedies", rf"\({N} more at two equal ones, \${N}\$ to \${N}\$",
     lambda: spans("trained weights", "equal modes")),
    ("remedies", rf"each a third as long, {N} of {N}", lambda: left_flows("best of 3")),
    ("remedies", rf"none of {N} collapsed where the plain", lambda: left_flows("share 0.5")[1:]),
    ("16", rf"here \$\({N}, {N}\)\$: the inner mean", eigenvector),
    ("16", rf"with \$a = {N}\$ and \$b = {N}\$",
     lambda: [normal_form(False).pull, normal_form(False).bend]),
    ("16", rf"\(r - r_c\)\^\{{3/2\}} = {N}\\,",
     lambda: [normal_form(False).barrier(critical_separation() + 1)]),
    ("16", rf"\$\\tau = {N}\\,\(b\^2D\)", lambda: [passage_function(0.0)]),
]  # fmt: skip
ONCE = {
    # what section 13 and the end of 15 counted among starts that they name, once
    "remedies": "2.25 0.84",  # the first of the separations that are tried; a median of 300 runs
    # where a law is off by a tenth, below; tried once; how good `survival` was elsewhere
    "16": "0.12 0.25 0.04 0.022 0.098 0.068 0.128 0.15 1.29",
    # what forecasts reach: against the runs themselves, in test_forecast
    "17": "0.05 0.15 0.85 0.79 0.65 0.90 0.09 0.07 0.14 0.92 0.99 0.67 0.32 0.33 0.81 0.48 0.31 "
    "0.66 0.55 0.25 0.63 0.43 0.83 0.69 0.08",
}
SAMPLED = {
    "remedies": (
        "| r, π | t |", "| objective | $r_c$ |", "| α | $r_c$ | gradient flow",
        "| problem | K |", "| remedy |",  # written by quote, see test_documents
    ),
    "16": ("| where | points |",),  # test_survival_accuracy holds it against the docstring
    "17": ("| $m^2$ |",),  # one run of the command above it
}  # fmt: skip
COMPUTED = {
    "remedies": ("| r | euclidean, η", "| r | euclidean | was", "| α | 0 |", "| λ | 0 |"),
    "16": ("| | $v\\cdot Cv$", "| $r - r_c$ | 0.01", "| $c$ over"),
}
HELD = [page_of(name) for name in ("16", "17", "remedies")]


def by_alpha(alpha: float) -> float:
    return divergence_critical_separation(alpha=alpha)


@pytest.mark.parametrize(
    ("chapter", "words", "computed"), PROSE, ids=[f"{c}-{w[:24]}" for c, w, _ in PROSE]
)
def test_a_sentence_tells_what_is_computed(chapter, words, computed):
    assert disagreeing(chapter, words, computed()) == []


def test_waits_of_a_component_that_has_not_moved():
    rows = rows_of("remedies", "| r | euclidean, η")
    for r, *cells in rows:
        for geometry, cell in zip(GEOMETRIES, cells, strict=True):
            times = dead_component_wait([float(r)], [1.0, 10.0], geometry)["time"]
            assert [
                t for t, x in zip(cell.split(", "), times, strict=True) if not agrees(t, x)
            ] == []


@pytest.mark.parametrize("r", ["2.8", "3.6"])
def test_lifetimes_of_the_aligned_state(r):
    (cells,) = [row[1:] for row in rows_of("remedies", "| r | euclidean | was") if row[0] == r]
    for geometry, cell in zip(GEOMETRIES, cells, strict=True):
        table = aligned_lifetime([float(r)], [0.1, 1.0, 10.0], geometry)
        for told, time, law in zip(cell.split(", "), table["time"], table["law"], strict=True):
            length, ratio = told.rstrip(")").split(" (")
            assert agrees(length, time)
            assert agrees(ratio, time / law)


@pytest.mark.parametrize(("begin", "name"), [("| α | 0 |", "alpha"), ("| λ | 0 |", "share")])
def test_births_under_other_objectives(begin, name):
    """Equal modes at every strength, the others at every fourth and at the last."""
    strengths = [float(x) for x in columns_of("remedies", begin)]
    for row, weight, mode in (
        ("0.5", 0.5, "heavy"),
        ("heavy", 0.7, "heavy"),
        ("light", 0.7, "light"),
    ):
        (cells,) = [c[1:] for c in rows_of("remedies", begin) if c[0].endswith(row)]
        places = range(len(strengths)) if row == "0.5" else (*range(1, len(strengths), 4), -1)
        for k in places:
            given = {name: strengths[k], "mode": mode}
            if cells[k] == "–":
                with pytest.raises(NoFoldError):
                    divergence_critical_separation(weight, **given)
            else:
                assert agrees(cells[k], divergence_critical_separation(weight, **given)), given


def test_the_shares_that_reach_three_and_four():
    words = rf"to 3 takes \$\\lambda = {N}\$, to 4 takes \$\\lambda = {N}\$"
    shares = [
        brentq(lambda x, r=r: divergence_critical_separation(share=x) - r, *ends, xtol=1e-4)
        for r, ends in ((3.0, (0.13, 0.14)), (4.0, (0.23, 0.245)))
    ]
    assert disagreeing("remedies", words, shares) == []


def test_noise_at_the_fold():
    held = [(False, True), (True, True), (True, False)]
    for (name, told, law), kind in zip(rows_of("16", "| | $v\\cdot Cv$"), held, strict=True):
        form = normal_form(*kind)
        above = critical_separation() + 1
        assert agrees(told, form.noise), name
        assert agrees(law.strip("$").split("\\")[0], form.barrier(above) / form.diffusivity(1.0, 1))
    assert normal_form(False, stratified=False).noise == pytest.approx(normal_form(False).noise)


def test_prefactors_over_that_of_kramers():
    radii = [float(x) for x in columns_of("16", "| $c$ over")]
    rows = rows_of("16", "| $c$ over")
    for score, (found, root) in zip((False, True), (rows[:2], rows[2:]), strict=True):
        for k, r in enumerate(radii, start=1):
            exit = find_exit(r, score)
            law = escape_law(r, barrier(exit, gaussian=True) / 25, score)
            _, c = noise(np.array([exit.state, exit.saddle]), r, score)
            assert agrees(found[k], law.gaussian * math.exp(-25) * exit.rate / (2 * math.pi))
            assert agrees(root[k], math.sqrt(c[1, 1, 1] / c[0, 1, 1]))


def test_barriers_over_the_law_of_the_fold():
    distances = [float(x) for x in columns_of("16", "| $r - r_c$ | 0.01")]
    rows = rows_of("16", "| $r - r_c$ | 0.01")
    for score, (full, gaussian) in zip((False, True), (rows[:2], rows[2:]), strict=True):
        form = normal_form(score)
        for k in (0, 2, 4) if score else range(5):
            r = critical_separation() + distances[k]
            law = form.barrier(r) / form.diffusivity(1.0, 1)
            path = find_exit(r, score)
            assert agrees(full[k + 1], barrier(path) / law)
            assert agrees(gaussian[k + 1], barrier(path, gaussian=True) / law)


def test_the_law_is_off_by_a_tenth_where_the_page_says():
    form, r = normal_form(False), critical_separation() + 0.12
    ratio = barrier(find_exit(r, False)) / (form.barrier(r) / form.diffusivity(1.0, 1))
    assert disagreeing("16", rf"by a tenth at {N}\.", [0.12]) == []
    assert ratio == pytest.approx(0.9, abs=0.005)


def test_barriers_of_other_targets_than_gaussians():
    """Section 17: a t's against (ν + d)/2 log(1 + r²/ν), and what stands for r."""
    nu, d = 5.0, 3
    x = np.linspace(-30, 30, 60001)

    def log_t(centre: float) -> np.ndarray:
        return -(nu + d) / 2 * np.log1p((x - centre) ** 2 / nu)

    for r in (8.0, 16.0):
        log_p = np.logaddexp(log_t(r), log_t(-r))
        height = log_p.max() - log_p[len(x) // 2]
        assert abs(height - (nu + d) / 2 * math.log1p(r * r / nu)) < math.log(2) + 1e-6


@pytest.mark.parametrize("page", HELD, ids=lambda page: page.stem)
def test_no_number_of_a_sentence_stands_alone(page):
    assert loose(page, PROSE, ONCE.get(chapter_of(page), "")) == []


@pytest.mark.parametrize("page", HELD, ids=lambda page: page.stem)
def test_no_table_stands_alone(page):
    assert loose_tables(page, COMPUTED, SAMPLED) == set()
