r"""Metrics of the parameters, in which the gradient of KL(q‖p) is taken.

The steepest descent in a metric G is θ̇ = −G⁻¹ ∇KL (docs/remedies.md, Section 13).  Here

.. math:: G_{\mu_i} = G_{v_i} = w_i^a, \qquad G_\ell = (w_1 w_2)^b / \eta,

(for a variance beside the factor of its own clock), with a and b the two numbers of a
:class:`Metric`.  A geometry is a line of :data:`GEOMETRIES`; theory and simulation read it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from .checks import choice

__all__ = ["GEOMETRIES", "Metric", "metric_of"]


class Metric(NamedTuple):
    """The powers a and b of the weights in the metric, as compiled code reads them."""

    means: float
    weights: float


GEOMETRIES: Mapping[str, Metric] = MappingProxyType(
    {
        "euclidean": Metric(0.0, 0.0),
        "wasserstein": Metric(1.0, 0.0),
        "natural": Metric(1.0, 1.0),
    }
)


def metric_of(geometry: str) -> Metric:
    """The metric of a name in :data:`GEOMETRIES`, or ``ValueError``.

    >>> metric_of("natural")
    Metric(means=1.0, weights=1.0)
    """
    return GEOMETRIES[choice("geometry", geometry, tuple(GEOMETRIES))]
