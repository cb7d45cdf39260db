"""The φ⁴ field on a ring, exactly: powers of its transfer operator.

With V(φ) = m²φ² + λφ⁴ − hφ and the kernel T(φ, φ') = exp(−V(φ)/2 − (φ − φ')² − V(φ')/2),

    Z = Tr T^N,   ⟨φ⟩ = Tr[T^N φ] / Z,   P(Σφ > 0) = 1/2 + (1/π) ∫_0^∞ Im Z(h + iθ)/Z(h) dθ/θ,

the last by J. Gil-Pelaez, Biometrika 38 (1951) 481.  The kernel is analytic and falls off faster
than any exponential, so that the trapezoidal rule on it is exponentially accurate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..checks import integer, within

__all__ = ["Ring"]

FloatArray = NDArray[np.float64]
STEP = 0.05  # of the field, where the kernel's narrowest scale is 1/√2
LEFT = 80.0  # nats that a site has lost where its grid ends
SPREADS = 10  # standard deviations of the sum beyond which its law is nothing
MOST_ANGLES = 20_000  # of θ for the sign of the sum


@dataclass(frozen=True)
class Ring:
    """A φ⁴ field on N sites in a ring.

    >>> free = Ring(3, mass_squared=0.5, coupling=1e-12, field=0.0)  # Gaussian: ½ log |π A⁻¹| …
    >>> round(free.log_z, 6), round(float(-0.5 * np.log(0.5 * 3.5**2 / np.pi**3)), 6)
    (0.810905, 0.810905)
    """

    sites: int
    mass_squared: float
    coupling: float
    field: float

    def __post_init__(self) -> None:
        integer("sites", self.sites, 2)
        within("coupling", self.coupling, 0)

    @cached_property
    def grid(self) -> FloatArray:
        """The field at the nodes, symmetric around 0."""

        def lost(x: float) -> float:
            depth = min(self.mass_squared, 0.0) ** 2 / (4 * self.coupling)
            return self.mass_squared * x**2 + self.coupling * x**4 - abs(self.field) * x + depth

        end = 1.0
        while lost(end) < LEFT:
            end *= 1.1
        narrow = 0.25 / (self.mass_squared**2 + 1) ** 0.25
        n = math.ceil(end / min(STEP, narrow * 0.5))
        return np.linspace(-end, end, 2 * n + 1)

    @cached_property
    def _kernel(self) -> FloatArray:
        x = self.grid
        v = self.mass_squared * x**2 + self.coupling * x**4 - self.field * x
        hop = (x[:, None] - x) ** 2
        return (x[1] - x[0]) * np.exp(-0.5 * (v[:, None] + v) - hop)

    @cached_property
    def _spectrum(self) -> tuple[FloatArray, FloatArray]:
        return tuple(np.linalg.eigh(self._kernel))  # type: ignore[return-value]

    @property
    def log_z(self) -> float:
        """log Tr T^N."""
        values = self._spectrum[0] / self._spectrum[0][-1]
        return self.sites * math.log(self._spectrum[0][-1]) + math.log((values**self.sites).sum())

    @property
    def mean(self) -> float:
        """⟨φ⟩ at a site."""
        values, vectors = self._spectrum
        powers = (values / values[-1]) ** self.sites
        return float(powers @ (self.grid @ vectors**2) / powers.sum())

    @cached_property
    def positive(self) -> float:
        """P(Σφ > 0)."""
        if self.field == 0:
            return 0.5
        values = self._spectrum[0]
        kernel = self._kernel / values[-1]
        z = float(((values / values[-1]) ** self.sites).sum())
        spread = math.sqrt(self.sites * float(self._variance()))
        # The midpoint rule, which avoids θ = 0; it sees the law repeated with the period 2π/step.
        step = math.pi / (SPREADS * spread + self.sites * abs(self.mean))
        total = 0.0
        for k in range(MOST_ANGLES):
            turn = np.exp(0.5j * (k + 0.5) * step * self.grid)
            value = np.trace(np.linalg.matrix_power(turn[:, None] * kernel * turn, self.sites)) / z
            total += value.imag / (k + 0.5)
            if abs(value) < 1e-13:
                break
        return float(0.5 + total / math.pi)

    def _variance(self) -> float:
        """⟨φ²⟩ − ⟨φ⟩² at a site."""
        values, vectors = self._spectrum
        powers = (values / values[-1]) ** self.sites
        second = powers @ (self.grid**2 @ vectors**2) / powers.sum()
        return float(second) - self.mean**2
