r"""Escape next to the fold: one coordinate, one noise, one function of one number.

Along the null direction v of the Hessian at the fold, u = v·(a − a_c), the diffusion (16.1) is to
leading order

    du = [−a (r − r_c) + b u²] dt + (2D)^{1/2} dW,      D = (h/2B) v·C v,                   (16.2)

with a and b of Eq. 8.1 and C at the fold.  Where r > r_c its potential has the barrier

    ΔV = (4/3) a^{3/2} b^{−1/2} (r − r_c)^{3/2},                                           (16.3)

and the mean time from u = −∞ to u = ∞ is, on either side of the fold,

    τ = (b² D)^{−1/3} Θ(κ),     κ = a (r − r_c) b^{−1/3} D^{−2/3},
    Θ(κ) = ∫_0^∞ (π/s)^{1/2} e^{κs − s³/12} ds.                                            (16.7)

Θ → π |κ|^{−1/2} for κ → −∞, twice the half bottleneck of Eq. 8.2; and π κ^{−1/2} e^{4κ^{3/2}/3} for
κ → ∞, Kramers' time, the exponent being ΔV/D.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..bifurcations import collapse_fold
from .noise import noise

__all__ = ["NormalForm", "normal_form", "passage_function"]

FloatArray = NDArray[np.float64]

DIFFERENCE = 1e-4  # of positions and of r, for a and b: good to 1e-7
_NODES, _SHARES = np.polynomial.legendre.leggauss(400)


@dataclass(frozen=True)
class NormalForm:
    """Two equal modes, equal fixed weights, one estimator.

    Attributes
    ----------
    separation : r_c.
    positions : of the means at the fold, in standard deviations of a mode; outer, inner.
    direction : v, the null direction, a unit vector in the plane of the two positions.
    pull, bend : a and b of Eq. 16.2.
    noise : v·C v.
    """

    separation: float
    positions: tuple[float, float]
    direction: tuple[float, float]
    pull: float
    bend: float
    noise: float

    def diffusivity(self, step_size: float, batch: int) -> float:
        """D = (h/2B) v·C v."""
        return 0.5 * step_size / batch * self.noise

    def barrier(self, separation: float) -> float:
        """ΔV (Eq. 16.3); 0 below the fold."""
        above = max(separation - self.separation, 0.0)
        return 4 / 3 * self.pull**1.5 * self.bend**-0.5 * above**1.5

    def time(self, separation: float, step_size: float, batch: int) -> float:
        """τ of Eq. 16.7, in units of step size × steps."""
        d = self.diffusivity(step_size, batch)
        kappa = self.pull * (separation - self.separation) * self.bend ** (-1 / 3) * d ** (-2 / 3)
        return (self.bend**2 * d) ** (-1 / 3) * passage_function(kappa)


@lru_cache(maxsize=16)
def normal_form(score: bool, stratified: bool = True) -> NormalForm:
    """a, b and the noise at the fold, by quadrature and differences of the drift f.

    >>> form = normal_form(score=False)
    >>> round(form.pull, 5), round(form.bend, 5), round(form.noise, 4)
    (0.37279, 0.15583, 0.6208)
    """
    fold = collapse_fold(0.0)
    x, r, h = np.array(fold.positions), fold.separation, DIFFERENCE
    _, covariance = noise(x, r, score, stratified)

    def f(u: FloatArray, r: float) -> FloatArray:
        return noise(u, r, score)[0]

    jacobian = np.array([(f(x + h * e, r) - f(x - h * e, r)) / (2 * h) for e in np.eye(2)])
    values, vectors = np.linalg.eigh(0.5 * (jacobian + jacobian.T))
    v = vectors[:, np.abs(values).argmin()]
    by_r = v @ (f(x, r + h) - f(x, r - h)) / (2 * h)
    bend = v @ (f(x + h * v, r) - 2 * f(x, r) + f(x - h * v, r)) / (2 * h * h)
    v = v * np.sign(bend)  # towards escape, so that b > 0 and f falls with r
    return NormalForm(
        separation=r,
        positions=fold.positions,
        direction=(float(v[0]), float(v[1])),
        pull=abs(float(by_r)),
        bend=abs(float(bend)),
        noise=float(v @ covariance @ v),
    )


def passage_function(kappa: float) -> float:
    """Θ(κ) of Eq. 16.7, to 1e-10 for κ ≤ 30.

    >>> round(passage_function(-400.0) * 20 / np.pi, 5)
    1.0
    """
    # s = y²; the integrand e^{κy² − y⁶/12} is below 1e-22 of its maximum beyond `end`.
    end = (12 * (max(kappa, 0.0) * 4 + 60)) ** (1 / 6) if kappa > -4 else np.sqrt(55 / -kappa)
    end = max(end, np.sqrt(2) * 1.9 * max(kappa, 0.0) ** 0.25)
    y = 0.5 * end * (1 + _NODES)
    return float(np.sqrt(np.pi) * end * (_SHARES @ np.exp(kappa * y * y - y**6 / 12)))
