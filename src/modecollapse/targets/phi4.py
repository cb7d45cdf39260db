"""The scalar φ⁴ field on a periodic lattice, in one or two dimensions.

Source of the action: M. Albergo, G. Kanwar, P. Shanahan, Physical Review D 100, 034515 (2019),
whose settings E1 are ``Phi4(extent=6, lattice_dimensions=2, mass_squared=-4, coupling=6.975)``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..checks import integer, within
from .family import Family
from .transfer import Ring

__all__ = ["Phi4"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Phi4(Family):
    """log p(φ) = −Σ_x [Σ_μ (φ_{x+μ} − φ_x)² + m² φ_x² + λ φ_x⁴ − h φ_x] − log Z.

    Its modes, where there are two, are told apart by the sign of the mean field.  For h = 0 their
    weights are 1/2 by symmetry; on a ring (one dimension) weights, log Z and ⟨φ⟩ are exact by the
    transfer operator, with a field too; in two dimensions with a field they are not known.

    Parameters
    ----------
    extent : L ≥ 2, sites in each direction.
    lattice_dimensions : 1 or 2; the target's dimension is L or L².
    mass_squared : m²; below 0, two modes φ = ±√(−m²/2λ) at h = 0.
    coupling : λ > 0.
    field : h.

    >>> p = Phi4(extent=4, lattice_dimensions=2, mass_squared=-1.0)
    >>> p.dimension, p.places[0, :1].round(3), round(p.separation, 2)
    (16, array([0.707]), 5.66)
    """

    extent: int
    lattice_dimensions: int = 2
    mass_squared: float = -1.0
    coupling: float = 1.0
    field: float = 0.0

    def __post_init__(self) -> None:
        integer("extent", self.extent, 2)
        integer("lattice_dimensions", self.lattice_dimensions, 1, 2)
        within("mass_squared", self.mass_squared)
        within("coupling", self.coupling, 0)
        within("field", self.field)

    @property
    def dimension(self) -> int:  # type: ignore[override]
        return self.extent**self.lattice_dimensions

    @cached_property
    def uniform(self) -> FloatArray:
        """The uniform fields that are maxima of p, (1,) or (2,), the larger first."""
        roots = np.roots([4 * self.coupling, 0, 2 * self.mass_squared, -self.field])
        real = np.array(roots.real[abs(roots.imag) < 1e-9 * (1 + abs(roots.real))], dtype=float)
        curved = 2 * self.mass_squared + 12 * self.coupling * real**2
        return np.sort(real[curved > 0])[::-1] if (curved > 0).any() else real[:1]

    @property
    def separation(self) -> float:
        """Half the distance of the modes, in the metric of their own uniform fluctuations.

        √(N (2m² + 12λv²)) v at field 0, where it is √(2N) |m²|/√λ; 0 where there is one mode.
        """
        if len(self.uniform) < 2:
            return 0.0
        curvature = 2 * self.mass_squared + 12 * self.coupling * self.uniform**2
        half = float(self.uniform[0] - self.uniform[1]) / 2
        return half * math.sqrt(self.dimension * float(curvature.mean()))

    @property
    def places(self) -> FloatArray | None:
        return self.uniform[:, None] * np.ones(self.dimension)

    @property
    def mode_names(self) -> tuple[str, ...]:
        return ("plus", "minus") if len(self.uniform) == 2 else ("0",)

    @cached_property
    def ring(self) -> Ring | None:
        """The field's transfer operator, in one dimension."""
        if self.lattice_dimensions == 2:
            return None
        return Ring(self.extent, self.mass_squared, self.coupling, self.field)

    @property
    def log_z(self) -> float | None:  # type: ignore[override]
        return None if self.ring is None else self.ring.log_z

    @cached_property
    def weights(self) -> FloatArray | None:
        """P(mean field > 0) and P(mean field < 0)."""
        if len(self.uniform) < 2:
            return np.ones(1)
        if self.field == 0:
            return np.full(2, 0.5)
        plus = None if self.ring is None else self.ring.positive
        return None if plus is None else np.array([plus, 1 - plus])

    @property
    def reach(self) -> float:
        """Where one site has fallen by 18 nats from its top, on all sites."""
        x = np.linspace(0, 10 + 5 * math.sqrt(abs(self.mass_squared) / self.coupling), 4001)
        lost = self.mass_squared * x**2 + self.coupling * x**4 - abs(self.field) * x
        near = float(x[lost <= lost.min() + 18].max())
        return near * math.sqrt(self.dimension)

    def log_density(self, x: Tensor) -> Tensor:
        field = x.unflatten(-1, (self.extent,) * self.lattice_dimensions)
        sites = tuple(range(-self.lattice_dimensions, 0))
        square = field.square()
        site = square * (self.mass_squared + self.coupling * square) - self.field * field
        for axis in sites:
            site = site + (field.roll(-1, axis) - field).square()
        return -site.sum(sites)

    def masses(self, x: Tensor) -> Sequence[Tensor]:
        if len(self.uniform) < 2:
            return (torch.ones_like(x[..., 0]),)
        plus = (x.sum(-1) > 0).to(x.dtype)
        return plus, 1 - plus
