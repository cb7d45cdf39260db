"""Random starts have the law that they are said to have, at every d."""

import numpy as np
import pytest
from scipy import stats

from modecollapse.outcomes import Outcome
from modecollapse.overlaps import STARTS, Overlaps, bartlett, random_start
from modecollapse.simulation import simulate, simulate_reduced
from modecollapse.targets import BimodalTarget
from modecollapse.theory.annealed import integrate_annealed
from modecollapse.theory.integration import integrate
from modecollapse.theory.multimodal import random_modes_start

RUNS = 4000
# Seeds are fixed, so these tests pass or fail for good; a right law has p-values above this but
# once in 100,000 seeds, the wrong laws tried below have smaller ones.
LEVEL = 1e-5


def draw(d, n=RUNS, r=2.0, **options):
    return random_start(BimodalTarget(r, d, 0.7), n, np.random.default_rng(d), **options)


def cosines(start, r=2.0):
    """Of μ_1 and μ*, μ_2 and μ*, μ_1 and μ_2: (3, n)."""
    one, two = np.sqrt(start.q[:, 0]), np.sqrt(start.q[:, 2])
    return np.stack([start.m[:, 0] / one / r, start.m[:, 1] / two / r, start.q[:, 1] / one / two])


def p_of_uniform_angles(cosine, d):
    """A cosine of uniform directions in R^d: (1 + c)/2 is Beta((d − 1)/2, (d − 1)/2)."""
    return stats.kstest((1 + cosine) / 2, stats.beta((d - 1) / 2, (d - 1) / 2).cdf).pvalue


@pytest.mark.parametrize("d", [2, 3, 7, 100])
@pytest.mark.parametrize("law", ["sphere", "gaussian", "normal"])
def test_all_three_angles_are_uniform(law, d):
    for cosine in cosines(draw(d, law=law)):
        assert p_of_uniform_angles(cosine, d) > LEVEL
        assert p_of_uniform_angles(cosine, d + 1) < LEVEL or d > 3


@pytest.mark.parametrize("law", STARTS)
def test_in_one_dimension_means_lie_on_the_axis(law):
    start = draw(1, law=law, **({"spread": 0.5} if law == "blob" else {}))
    np.testing.assert_allclose(start.m[:, 0] ** 2, 4 * start.q[:, 0], rtol=1e-12)
    np.testing.assert_allclose(start.m[:, 0] * start.m[:, 1], 4 * start.q[:, 1], rtol=1e-12)
    assert abs((start.m > 0).mean() - 0.5) < 4 * 0.5 / np.sqrt(RUNS)


@pytest.mark.parametrize("radius", [0.1, 2.0, 30.0])
def test_a_sphere_has_its_radius(radius):
    start = draw(5, n=50, scale=radius)
    np.testing.assert_allclose(start.q[:, [0, 2]], radius**2, rtol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 5, 1000])
@pytest.mark.parametrize(("law", "coordinate"), [("gaussian", None), ("normal", 0.3)])
def test_squared_norms_are_chi_square(law, coordinate, d):
    scale = 1.5 if law == "gaussian" else coordinate
    coordinate = 1.5 / np.sqrt(d) if coordinate is None else coordinate
    start = draw(d, law=law, scale=scale)
    for column in (0, 2):
        scaled = start.q[:, column] / coordinate**2
        assert stats.kstest(scaled, stats.chi2(d).cdf).pvalue > LEVEL
        assert stats.kstest(scaled, stats.chi2(d + 1).cdf).pvalue < LEVEL or d > 5
    for m in start.m.T:
        assert stats.kstest(m / 2.0 / coordinate, stats.norm.cdf).pvalue > LEVEL


def test_moments_of_two_normal_vectors():
    d, s = 6, 0.7
    start = draw(d, n=40_000, law="normal", scale=s)
    error = 4.5 / np.sqrt(len(start))
    product = start.q[:, 1] / s**2  # of two independent normal vectors: mean 0, variance d
    assert abs(product.mean()) < error * np.sqrt(d)
    assert product.var() == pytest.approx(d, rel=0.1)
    # E[m_1 m_2 q_12] = r² s⁴, which binds the three to one frame
    triple = start.m[:, 0] * start.m[:, 1] * start.q[:, 1] / 4.0 / s**4
    assert abs(triple.mean() - 1) < error * triple.std()


def test_default_scales():
    assert np.allclose(draw(4, n=3).q[:, 0], 4.0)
    assert np.allclose(draw(4, n=3, law="blob").q, 4.0)
    assert draw(10**6, n=3, law="gaussian").q[:, 0] == pytest.approx(4.0, rel=0.02)
    assert draw(10**6, n=3, law="normal").q[:, 0] == pytest.approx(1e6, rel=0.02)


@pytest.mark.parametrize("d", [1, 2, 3, 50])
def test_a_blob_has_both_means_at_one_place(d):
    start = draw(d, law="blob", scale=1.5)
    np.testing.assert_allclose(start.q, 2.25, rtol=1e-12)
    np.testing.assert_array_equal(start.m[:, 0], start.m[:, 1])
    if d > 1:
        assert p_of_uniform_angles(cosines(start)[0], d) > LEVEL
    vectors = start.vectors(BimodalTarget(2.0, d, 0.7))
    np.testing.assert_allclose(vectors[:, 0], vectors[:, 1], rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("d", [1, 3, 50])
def test_the_means_of_a_blob_are_spread_around_its_centre(d):
    start = draw(d, law="blob", scale=1.5, spread=0.2)
    gap2 = start.q[:, 0] - 2 * start.q[:, 1] + start.q[:, 2]
    assert stats.kstest(gap2 / (2 * 0.2**2), stats.chi2(d).cdf).pvalue > LEVEL
    middle = (start.q[:, 0] + 2 * start.q[:, 1] + start.q[:, 2]) / 4
    assert middle.mean() == pytest.approx(1.5**2 + d * 0.2**2 / 2, rel=0.05)
    centred = draw(d, law="blob", scale=0.0, spread=0.2)
    for column in (0, 2):
        assert stats.kstest(centred.q[:, column] / 0.2**2, stats.chi2(d).cdf).pvalue > LEVEL


@pytest.mark.parametrize("law", STARTS)
def test_a_run_is_the_same_however_many_are_asked_for(law):
    few, many = draw(5, n=2, law=law), draw(5, n=4, law=law)
    np.testing.assert_array_equal(few.q, many.q[:2])
    np.testing.assert_array_equal(few.m, many.m[:2])


def test_weights_and_variances_are_those_asked_for():
    start = draw(5, n=3, weight=0.2, variance=4.0)
    np.testing.assert_allclose(start.weights[:, 0], 0.2, rtol=1e-14)
    assert (start.variances == 4.0).all()


def test_a_frame_has_its_triangle():
    x = bartlett(np.random.default_rng(0), np.ones((3, 5)), 2, 10)
    assert (x[[0, 1, 2], [2, 3, 4]] != 1).all()
    assert (x[[0, 0, 1], [3, 4, 4]] == 0).all()
    assert (x[:, :2] == 1).all()
    assert x[1, 2] == x[2, 2] == x[2, 3] == 1
    flat = bartlett(np.random.default_rng(0), np.ones((3, 5)), 2, 3)
    assert (flat[:, 3:] == 0).all()
    assert flat[2, 2] == 1


@pytest.mark.parametrize("law", STARTS)
def test_many_modes_start_likewise(law):
    # against a bimodal target with two components, in law
    p, rng = BimodalTarget(2.0, 6, 0.7), np.random.default_rng(3)
    other = random_modes_start(p, RUNS, 2, rng, law=law, scale=1.5)
    start = draw(6, law=law, scale=1.5)
    axis = other.m[:, 0, 0]
    assert stats.ks_2samp(np.abs(axis), np.abs(start.m[:, 0])).pvalue > LEVEL
    if law in ("gaussian", "normal"):
        assert stats.ks_2samp(other.q[:, 0, 0], start.q[:, 0]).pvalue > LEVEL
    else:
        np.testing.assert_allclose(other.q[:, 0, 0], 2.25, rtol=1e-12)


CASES = [("sphere", 0.05), ("normal", 1.0), ("blob", 2.0), ("blob", 0.0)]


@pytest.mark.parametrize(("law", "scale"), CASES)
@pytest.mark.parametrize("d", [1, 2, 3, 40])
def test_all_roads_take_such_starts(law, scale, d):
    p = BimodalTarget(2.0, d, 0.5)
    options = {"spread": 0.1} if law == "blob" else {}
    start = random_start(p, 3, np.random.default_rng(d), law=law, scale=scale, **options)
    descent = {"step_size": 0.01, "steps": 4, "batch": 4096, "seed": 1, "log_every": 4}
    runs = [
        simulate(p, start, device="cpu", **descent),
        simulate_reduced(p, start, **descent),
        integrate(p, start, [0.0, 0.04]),
        integrate_annealed(p, start, [0.0, 0.04]),
    ]
    for run in runs:
        np.testing.assert_allclose(run.statistics["m1"][:, 0], start.m[:, 0], atol=1e-7)
        np.testing.assert_allclose(run.statistics["q12"][:, 0], start.q[:, 1], atol=1e-7)
        assert run.finished.all()
        # four short steps with large batches: the noise of a mean is about 0.04/√B a coordinate
        np.testing.assert_allclose(run.final("m1"), runs[2].final("m1"), atol=0.02)


def test_two_means_at_one_place_never_part_without_noise():
    p = BimodalTarget(3.0, 8, 0.8)
    start = random_start(p, 4, np.random.default_rng(0), law="blob", scale=1.0)
    run = integrate(p, start, [50.0])
    np.testing.assert_allclose(run.final("q11"), run.final("q12"), rtol=1e-9)
    assert all(Outcome(o) is Outcome.MEAN_ALIGNMENT for o in run.outcome)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"law": "cube"}, "law"),
        ({"scale": 0.0}, "scale"),
        ({"scale": -1.0, "law": "blob"}, "scale"),
        ({"scale": "r"}, "scale"),
        ({"spread": 0.1}, "spread"),
        ({"spread": -0.1, "law": "blob"}, "spread"),
        ({"weight": 1.0}, "weight"),
        ({"variance": 0.0}, "variance"),
    ],
)
def test_bad_starts_are_named(options, name):
    with pytest.raises(ValueError, match=f"^{name}: got"):
        draw(3, n=1, **options)


def test_bad_callers_are_named():
    with pytest.raises(ValueError, match=r"^rng: got"):
        random_start(BimodalTarget(2.0, 3), 1, 0)
    with pytest.raises(ValueError, match=r"^target: got"):
        random_start("bimodal", 1, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"^n: got"):
        random_start(BimodalTarget(2.0, 3), -1, np.random.default_rng(0))


def test_vectors_of_parallel_means_are_parallel():
    states = Overlaps([[2.0, 2.0]], [[1.0, 1.0, 1.0]])
    vectors = states.vectors(BimodalTarget(2.0, 5))[0]
    np.testing.assert_array_equal(vectors[0], vectors[1])
