"""The numbers that the theory's pages tell, computed again to the digits that are written.

A number of a conclusion in a document is a link to its claim, which a command fills in, or it is
computed here.  What was measured once, at a price that no test can pay, is listed with the reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest
from document_numbers import (
    DOCS,
    NUMBER,
    agrees,
    chapter_of,
    columns_of,
    disagreeing,
    loose,
    loose_tables,
    plain,
    read,
    rows_of,
)
from scipy.optimize import brentq
from scipy.special import erf, expit

from modecollapse.pipeline.reference import SIMULATED, TOLERANCES
from modecollapse.targets import BimodalTarget
from modecollapse.theory import metastability
from modecollapse.theory.bifurcations import (
    NoFoldError,
    collapse_fold,
    critical_separation,
    cusp,
    fold_lines,
)
from modecollapse.theory.equilibria import fixed_points
from modecollapse.theory.integration import integrate
from modecollapse.theory.probability import collapse_probability
from modecollapse.theory.regret import regret_line

HELD = [
    *(DOCS / "theory" / f"{name}.md" for name in (
        "01-setting", "02-closure", "03-bimodal", "04-expectations", "05-collapse",
        "06-fixed-points", "07-probability", "08-lifetimes", "09-multimodal",
        "10-finite-batches", "11-annealing", "12-flows",
    )),
    DOCS / "simulation.md",
]  # fmt: skip
DATED = [DOCS / "performance.md", DOCS / "reproducibility.md"]  # what was measured on a day


@cache
def state(r: float):
    """The collapsed state of two equal modes and weights."""
    return next(p for p in fixed_points(r) if p.stable and min(p.positions) > 0)


def birth() -> list[float]:
    """Positions over r, KL and what is left of the lost mode, at the fold of equal modes."""
    fold = collapse_fold(0.0)
    run = integrate(
        BimodalTarget(fold.separation, 4), metastability._on_the_line(
            np.array(fold.positions), fold.separation
        ), [1e-9],
    )  # fmt: skip
    kl, lost = (float(run.final(name)[0]) for name in ("kl", "mass_minus"))
    return [x / fold.separation for x in fold.positions] + [kl, 2 * lost]


def collapsed_at_three() -> list[float]:
    p = state(3.0)
    (fast, slow), (first, second) = sorted(p.along), sorted(p.across)
    return [x / 3.0 for x in p.positions] + [fast, slow, first, second]


def kept(weight: float) -> float:
    """What the state at the birth of collapse keeps of the lost mode, over its weight."""
    fold = collapse_fold(math.log(weight / (1 - weight)))
    start = metastability._on_the_line(np.array(fold.positions), fold.separation)
    run = integrate(BimodalTarget(fold.separation, 4, weight), start, [1e-9])
    return float(run.final("mass_minus")[0]) / (1 - weight)


def single_pitchfork() -> float:
    """r at which r T'(0) = 1, T'(0) = 4 r E σ'(2 r Z)."""
    z = np.linspace(-9, 9, 20001)
    normal = np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])

    def excess(r: float) -> float:
        s = expit(2 * r * z)
        return float(4 * r * r * (normal * s * (1 - s)).sum() - 1)

    return brentq(excess, 1.1, 2.0)


def last_logit(r: float) -> float:
    """ℓ_f, at which the collapsed state of two equal modes ends; the outer component is heavier."""
    return brentq(lambda logit: r - collapse_fold(0.0, logit).separation, 0.0, 7.5, xtol=1e-7)


def noise(beta: float) -> float:
    """d h/(2 B β_i r²), Eq. 11.19, at the setting of the published map."""
    return 512 * 0.05 / (2 * 8192 * beta * 9)


N = f"({NUMBER})"
PROSE: list[tuple[str, str, Callable[[], Sequence[float]]]] = [
    ("05", rf"keeps \${N}\\,\\pi_k\$ where", lambda: [birth()[3]]),
    (
        "05",
        rf"keeps \${N}\\,\\pi_k\$ of the light one at \$\\pi = 0.6\$, \${N}\\,\\pi_k\$ at \$0.7\$ "
        rf"and \${N}\\,\\pi_k\$ at \$0.75\$",
        lambda: [kept(0.6), kept(0.7), kept(0.75)],
    ),
    (
        "06",
        rf"the means are at \${N}\\,r\$ and \${N}\\,r\$, KL = {N}, and \$q\$ keeps {N} of",
        birth,
    ),
    (
        "06",
        rf"at \$r = 3\$ they are at \${N}\\,r\$ and \${N}\\,r\$, the eigenvalues along "
        rf"\$\\mu\^\*\$ are \${N}\$ and \${N}\$, those across \${N}\$ and \${N}\$",
        collapsed_at_three,
    ),
    (
        "06",
        rf"\\pi = {N}, \\qquad r = {N} \\tag{{6.11}}",
        lambda: [cusp().target_weight, cusp().separation],
    ),
    (
        "06",
        rf"{N} at \$w = 0.3\$, {N} at \$0.1\$, {N} at \$0.02\$",
        lambda: [critical_separation(0.5, w) for w in (0.3, 0.1, 0.02)],
    ),
    (
        "06",
        rf"\(({NUMBER}) at \$r = 3\$, ({NUMBER}) at \$r = 4\$\), and the inner",
        lambda: [last_logit(3.0), last_logit(4.0)],
    ),
    ("06", rf"\$r = {N}\$, where \$rT'\(0\) = 1\$", lambda: [single_pitchfork()]),
    (
        "07",
        r"0.26 at \$r = 2.2\$ \(\$\\pi = 0.6\$, where \$r_c = (\d\.\d+)\$",
        lambda: [critical_separation(0.6)],
    ),
    ("08", rf"through 0.25 at \$\\eta = 1\$ and {N} at \$\\eta = 10\$",
     lambda: [metastability.dead_component_exponent(10.0)]),
    ("08", rf"through {N} at \$\\eta = 1\$", lambda: [metastability.dead_component_exponent(1.0)]),
    ("08", rf"\^{{-1/2}} = {N}\\,\(r_c - r\)", lambda: [metastability_law() ]),
    (
        "11",
        rf"the left side is {N} at \$\\beta_i = 1/9000\$ and {N} at",
        lambda: [noise(1 / 9000), noise(1 / 900)],
    ),
]  # fmt: skip


def metastability_law() -> float:
    table = metastability.fold_delay([1e-4])
    return float(table["law"][0]) * 1e-2


NAMES = [f"{chapter}-{words[:24]}" for chapter, words, _ in PROSE]


@pytest.mark.parametrize(("chapter", "words", "computed"), PROSE, ids=NAMES)
def test_a_sentence_tells_what_is_computed(chapter, words, computed):
    assert disagreeing(chapter, words, computed()) == []


def test_births():
    for weight, heavy, light in rows_of("06", "| π of the mode collapsed on"):
        assert agrees(light, critical_separation(float(weight), mode="light"))
        if heavy == "no fold":
            with pytest.raises(NoFoldError):
                critical_separation(float(weight))
        else:
            assert agrees(heavy, critical_separation(float(weight)))


def test_fold_lines():
    for r, above, below in rows_of("06", "| r | collapse exists above π"):
        lines = fold_lines([float(r)]).iloc[-1]
        assert agrees(above, float(lines["collapse_above"]))
        assert agrees(below, float(lines["both_below"]))


def test_line_of_equal_kl():
    ((first, *weights),) = rows_of("06", "| r | 1.604367")
    at = [float(x) for x in columns_of("06", "| r | 1.604367")]
    assert first == "π"
    assert agrees(weights[0], cusp().target_weight)
    assert agrees(columns_of("06", "| r | 1.604367")[0], cusp().separation)
    line = regret_line(at[1:])["target_weight"]
    assert all(agrees(text, float(x)) for text, x in zip(weights[1:], line, strict=True))


def test_closed_formula_and_its_rival():
    """The second and the fourth number of each cell; the others were sampled once."""
    header = "| r | π | d = 8"
    for r, weight, *cells in rows_of("07", header):
        for d, cell in zip((8, 64, 512, 4096, 10**5), cells, strict=True):
            frequency, formula, separatrix, rival = cell.split(" / ")
            target = BimodalTarget(float(r), d, float(weight))
            assert agrees(formula, collapse_probability(target)), (r, weight, d)
            if separatrix != "–":
                assert abs(float(frequency) - float(separatrix)) < 0.032
            tilt = abs(target.logit) / (2 * target.separation**2)
            assert agrees(rival, float(erf(tilt * math.sqrt(d))))


def test_delay_below_the_fold():
    measured, law = rows_of("08", "| $r_c - r$")
    distances = [read(x) for x in columns_of("08", "| $r_c - r$")]
    table = metastability.fold_delay(distances)
    for name, texts in (("time", measured[1:]), ("law", law[1:])):
        assert [t for t, x in zip(texts, table[name], strict=True) if not agrees(t, x)] == []


def test_lifetimes_from_the_collapsed_state():
    for r, end, *texts in rows_of("08", "| r | ℓ_f"):
        table = metastability.collapsed_lifetime([float(r)], [0.1, 1.0, 10.0])
        values = [*table["time"], table["law"][1], table["asymptote"][1]]
        pairs = [p for p in zip(texts, values, strict=True) if p != ("> 10⁹", 1e9)]
        assert [t for t, x in pairs if not agrees(t, x)] == []
        assert agrees(end, last_logit(float(r)))


def test_lifetimes_of_a_dead_component():
    for r, *texts in rows_of("08", "| r | η = 0.3"):
        etas = [0.3, 1.0, 3.0, 10.0, 30.0][: 4 if r == "6" else 5]
        table = metastability.dead_component_lifetime([float(r)], etas)
        pairs = zip(texts[: len(etas)], table["time"], strict=True)
        assert [t for t, x in pairs if not agrees(t, x)] == []


# What the pages tell beside that: settings, which follow "=" or a like sign, and what was measured
# once.  A number that is none of these has to be a link to a claim, or computed above.
ONCE = {
    "06": "0.786686874 1.607534 1.85",  # the top of a line that is within 1e-4 of the cusp
    "07": "0.011 0.031 0.02 0.07 0.09 0.26 0.15 0.32 0.53 0.95",  # thousands of runs each
    "08": "1.018 1.059 1.290 1.015 1.025 1.192 2.9 5.2 0.96 0.97 0.99 1.05 1.10 9.8",
    "09": "0.75 0.005",  # a study of errors over millions of right-hand sides
    # fits of minutes each, with their day; then what holds the tail of 24 flows
    "12": "0.014 0.015 0.029 0.035 0.024 0.002 0.004 0.003 0.7 4.5 0.04 0.02 0.07",
    "11": "0.31 0.46",  # a random problem near the corner, thousands of runs
}
SAMPLED = {  # tables of numbers that were sampled or integrated once, for minutes and more
    "11": ("| $\\beta_i$ | $\\beta_ir^2$ | frequency",),
    "01": ("| letter | section",),  # no numbers but those of sections
}
COMPUTED = {
    "06": ("| π of the mode collapsed on", "| r | collapse exists above π", "| r | 1.604367"),
    "07": ("| r | π | d = 8",),
    "08": ("| $r_c - r$", "| r | ℓ_f", "| r | η = 0.3"),
}


@pytest.mark.parametrize("page", HELD, ids=lambda page: page.stem)
def test_no_number_of_a_sentence_stands_alone(page):
    assert loose(page, PROSE, ONCE.get(chapter_of(page), "")) == []


@pytest.mark.parametrize("page", HELD, ids=lambda page: page.stem)
def test_no_table_stands_alone(page):
    assert loose_tables(page, COMPUTED, SAMPLED) == set()


@pytest.mark.parametrize("page", DATED, ids=lambda page: page.stem)
def test_what_was_measured_on_a_machine_says_when(page):
    """A section with measured numbers names the day or the machine."""
    sections = re.split(r"^#+ ", page.read_text(encoding="utf-8"), flags=re.M)
    for section in sections:
        if section.startswith("`make verify`"):
            continue  # tolerances, see below
        if re.search(r"\d\.\d+(?![\d.])", re.sub(r"`[^`]*`", "", section)):
            day = re.search(r"\d{4}-\d{2}-\d{2}|EPYC|Xeon|Slurm 22", section)
            assert day, section[:60]


def test_a_number_that_stands_alone_is_found(tmp_path):
    page = tmp_path / "06-x.md"
    page.write_text(
        "At $r = 3.25$, (6.11), Eq. 2.11 and `0.123` it is\n0.4321, or [0.77](a.md#b).\n"
    )
    assert loose(page, PROSE) == ["0.4321"]
    assert agrees("0.43", 0.4321)
    assert not agrees("0.432", 0.4329)
    assert agrees("7.8e-6", 7.84e-6)
    assert not agrees("7.8e-6", 7.9e-6)


def test_tolerances_and_the_first_example_are_those_of_the_code():
    told = plain(DOCS / "reproducibility.md")
    (match,) = re.finditer(
        rf"within {N} \(theory, formulas\), {N} \(simulation\) or {N} \(flows\)", told
    )
    known = TOLERANCES["theory"], SIMULATED, TOLERANCES["flow"]
    assert [float(x) for x in match.groups()] == list(known)
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    (value,) = re.findall(r"critical_separation\(target_weight=0.5\)  # ([\d.]+):", readme)
    assert agrees(value, critical_separation())
