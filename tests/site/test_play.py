"""The interactive page: its arithmetic is the package's, and it does what it says in a browser."""

from __future__ import annotations

import re

import numpy as np
import play
import pytest

import modecollapse as mc
from modecollapse.theory.geometry import geometry_velocity, integrate_geometry
from modecollapse.theory.geometry_runs import tangent_to_overlaps
from modecollapse.theory.rhs import (
    axial_to_overlaps,
    kl_divergence,
    mode_masses,
    overlaps_to_axial,
)

GEOMETRIES = ("euclidean", "wasserstein", "natural")
EXACT = 1e-9


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("play") / "interactive.html"
    path.write_text(play.page(), encoding="utf-8")
    return path


@pytest.fixture
def page(path, window):
    window.emulate(1200, 900)
    window.open(path)
    return window


def problems(rng, n):
    """r, π, η and geometry of n random problems."""
    for k in range(n):
        r, weight = rng.uniform(0.5, 6.5), rng.uniform(0.02, 0.98)
        yield float(r), float(weight), float(rng.choice([0.0, 1.0, 12.0])), GEOMETRIES[k % 3]


def given(r, weight, eta, geometry):
    return {"r": r, "logit": float(np.log(weight / (1 - weight))), "eta": eta, "geometry": geometry}


def states(rng, n):
    """Random states, every fourth near the target, where KL is integrated along a path."""
    for k, problem in enumerate(problems(rng, n)):
        r, weight, *_ = problem
        vectors = rng.normal(0, 2.5, (2, 3))
        a, logit = rng.normal(0, r, 2), rng.normal(0, 4)
        if k % 4 == 0:
            side = rng.choice([-1, 1])
            a, vectors = side * np.array([r, -r]) + rng.normal(0, 0.05, 2), vectors / 50
            logit = side * np.log(weight / (1 - weight)) + rng.normal(0, 0.05)
        p = vectors @ vectors.T
        yield problem, np.array([*a, p[0, 0], p[0, 1], p[1, 1], logit])


def test_the_right_hand_side_is_the_packages_in_200_random_states(page):
    drawn = list(states(np.random.default_rng(1), 200))
    found = page.run(
        """
        return arguments[0].map(([x, given]) => [
            velocity(x, given), divergence(x, given.r, given.logit), masses(x, given.r, given.logit)
        ]);
        """,
        [[x.tolist(), given(*problem)] for problem, x in drawn],
    )
    for (problem, x), (rate, kl, parts) in zip(drawn, found, strict=True):
        r, weight, eta, geometry = problem
        y = axial_to_overlaps(x, r)
        here = tangent_to_overlaps(x[None], np.array([rate]), r)[0]
        np.testing.assert_allclose(
            here, geometry_velocity(y, r, weight, eta, geometry), rtol=EXACT, atol=EXACT
        )
        np.testing.assert_allclose(kl, kl_divergence(y, r, weight), rtol=EXACT)
        np.testing.assert_allclose(parts, mode_masses(y, r, weight), rtol=EXACT)


def test_twenty_trajectories_are_the_packages(page):
    rng, times = np.random.default_rng(2), [0.5, 5.0, 60.0]
    for r, weight, eta, geometry in problems(rng, 20):
        p = mc.target(separation=r, dimension=4, weight=weight)
        start = mc.random_start(p, 1, rng)
        if geometry == "euclidean":
            run = mc.integrate(p, start, times, eta=eta, rtol=1e-12)
        else:
            run = integrate_geometry(p, start, times, eta=eta, geometry=geometry, rtol=1e-12)
        y = np.concatenate([start.m, start.q, start.logit[:, None]], axis=1)
        there = page.run(
            """
            const [x, times, given] = arguments;
            const run = integrate(x, times, given, 1e-12, 100000);
            const kl = run.map(one => divergence(one, given.r, given.logit));
            return [run, kl, outcome(run.at(-1), given.r, given.logit)];
            """,
            overlaps_to_axial(y, r)[0].tolist(),
            times,
            given(r, weight, eta, geometry),
        )
        found = axial_to_overlaps(np.array(there[0]), r)
        for i, name in enumerate(("m1", "m2", "q11", "q12", "q22", "logit")):
            np.testing.assert_allclose(found[:, i], run.statistics[name][0], rtol=EXACT, atol=EXACT)
        np.testing.assert_allclose(there[1], run.statistics["kl"][0], rtol=EXACT, atol=EXACT)
        assert there[2] == run.outcome[0]


@pytest.mark.parametrize(
    ("r", "weight", "component"),
    [(1.4, 0.5, 0.5), (3.0, 0.5, 0.5), (2.3, 0.7, 0.5), (4.5, 0.8, 0.3), (5.5, 0.5, 0.6)],
)
def test_its_fixed_points_are_the_packages(page, r, weight, component):
    logits = [float(np.log(w / (1 - w))) for w in (weight, component)]
    found = page.run("return fixedPoints(...arguments)", r, *logits)
    both = mc.fixed_points(r, weight, component)
    if component == 0.5:  # the page shows each order of the components
        both = [*both, *both]
    assert sum(p["stable"] for p in found) == sum(p.stable for p in both)
    for point in both:
        near = [f for f in found if np.allclose(sorted(f["x"]), sorted(point.positions), atol=1e-7)]
        assert any(
            f["stable"] == point.stable
            and f["outcome"] == point.outcome
            and f["kl"] == pytest.approx(point.kl, abs=1e-9)
            for f in near
        ), point


def test_its_laws_are_the_packages(page):
    found = page.run("return [CRITICAL, lifetimes(3, 0.1, 'euclidean').aligned, CONSTANTS.fold]")
    asymptote = mc.theory.metastability.collapsed_lifetime([3.0], [0.1])["asymptote"][0]
    assert found == pytest.approx([2.2596076, asymptote, 6.5173], rel=1e-5)


def shown(page, name):
    return page.run(
        """
        const names = [...document.querySelectorAll("#verdict dt")];
        return names.find(one => one.textContent === arguments[0]).nextSibling.textContent;
        """,
        name,
    )


PRESETS = {
    "mean alignment": "mean alignment",
    "vanishing weight": "vanishing weight",
    "recovery": "both modes",
    "a cured run": "both modes",
}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_and_its_lines_of_python_give_the_same_numbers(page, preset, capsys):
    page.run(
        """
        [...document.querySelectorAll("#presets button")].find(
            one => one.textContent === arguments[0]).click();
        """,
        preset,
    )
    assert shown(page, "outcome").startswith(PRESETS[preset])
    exec(page.run("return document.querySelector('#code').textContent"), {})
    words, kl, weight = re.fullmatch(r"(.*) (\S+) (\S+)\n", capsys.readouterr().out).groups()
    assert words == PRESETS[preset]
    assert float(shown(page, "KL(q‖p)").split()[0]) == pytest.approx(float(kl), rel=1e-3, abs=1e-6)
    assert float(shown(page, "w₁")) == pytest.approx(float(weight), rel=1e-3)


@pytest.mark.parametrize("weights", ["equal", "trained"])
@pytest.mark.parametrize("weight", [0.7, 0.9])
def test_its_regret_is_above_the_best_that_the_weights_allow(page, weight, weights):
    page.run(
        "change({r: 3.5, pi: arguments[0], eta: arguments[1], end: 2})",
        weight,
        5 * (weights == "trained"),
    )
    kl = page.run("return result.kl.at(-1)")
    best = mc.theory.best_fit(3.5, weight, weights).kl
    assert float(shown(page, "regret").split()[0]) == pytest.approx(kl - best, rel=2e-3, abs=2e-6)


def test_a_drag_is_answered_within_50_milliseconds(page):
    """In one process on one core; the faster half, should the machine be busy with other things."""
    took = page.run(
        """
        const handle = document.querySelector("#mean1");
        const frame = document.querySelector("#density").getBoundingClientRect();
        handle.setPointerCapture = () => {};
        const event = (name, x, y) => handle.dispatchEvent(new PointerEvent(name, {
            clientX: frame.left + x, clientY: frame.top + y, pointerId: 1, bubbles: true}));
        event("pointerdown", 200, 100);
        const took = [];
        for (let k = 0; k < 40; k++) {
            await new Promise(requestAnimationFrame);
            const began = performance.now();
            event("pointermove", 200 + 5 * k, 100 + 2 * k);
            took.push(performance.now() - began);
        }
        return [took, state.a1, state.b1];
        """
    )
    assert np.percentile(took[0], 50) < 50
    assert took[1] != -0.4
    assert took[2] != 2.97


def test_it_works_by_keyboard_and_a_link_brings_it_back(page, path):
    before, after, link = page.run(
        """
        const handle = document.querySelector("#mean2");
        handle.focus();
        const before = [state.a2, state.b2];
        for (const key of ["ArrowLeft", "ArrowLeft", "ArrowUp"]) {
            const pressed = new KeyboardEvent("keydown", {key, bubbles: true});
            document.activeElement.dispatchEvent(pressed);
        }
        const slider = document.querySelector("#eta");
        slider.value = 3;
        slider.dispatchEvent(new Event("input"));
        return [before, [state.a2, state.b2], location.hash];
        """
    )
    np.testing.assert_allclose(np.subtract(after, before), [-0.2, 0.1])
    found = page.run(
        """
        location.hash = "r=2";
        await new Promise(resolve => setTimeout(resolve, 100));
        const between = state.r;
        location.hash = arguments[0];
        await new Promise(resolve => setTimeout(resolve, 100));
        return [between, state.r, state.eta, state.a2];
        """,
        link,
    )
    assert found == [2, 3, 3, pytest.approx(after[0])]


def test_a_link_of_nonsense_does_no_harm(page):
    found = page.run(
        """
        location.hash = "r=1e9&pi=none&g=oblique&a1=-400&end=";
        await new Promise(resolve => setTimeout(resolve, 200));
        return [state.r, state.pi, state.g, state.a1, result.states.length];
        """
    )
    assert found == [6, 0.5, "euclidean", -12, 160]
    assert page.complaints() == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1200, 360])
def test_it_fits_and_follows_the_scheme(path, window, width, dark):
    window.emulate(width, 900, dark)
    window.open(path)
    seen = window.run(
        """
        const canvas = document.querySelector("#density");
        const corner = canvas.getContext("2d").getImageData(canvas.width - 4, 4, 1, 1).data;
        const outside = [...document.querySelectorAll("main *")].filter(one =>
            !one.closest("pre") && one.getBoundingClientRect().right > innerWidth + 1);
        return {
            page: document.documentElement.scrollWidth,
            outside: outside.map(one => one.tagName + one.id),
            light: corner[0],
            small: [...document.querySelectorAll("button")].filter(
                one => one.getBoundingClientRect().height < 24).length,
        };
        """
    )
    assert seen["page"] <= width
    assert seen["outside"] == []
    assert seen["small"] == 0
    assert (seen["light"] < 80) == dark
    assert window.complaints() == []


def test_it_is_one_file(path):
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=[\"'](?!#)|@import|url\(|fetch\(|https?://", text)
