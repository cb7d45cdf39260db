r"""Gradient flow of KL(q‖p) for any number of components and of modes, in closed form.

Target p = Σ_k π_k N(ν_k, I_d), k = 1..K*; family q = Σ_i w_i N(μ_i, I_d), i = 1..K, w = softmax(α).
With r_j and s_k the responsibilities of q and of p, E_i over x ~ N(μ_i, I) and
A_i = E_i[log q − log p], the flow is

.. math::
    dμ_i/dt = −w_i (Σ_j E_i[r_j] μ_j − Σ_k E_i[s_k] ν_k),    dα_i/dt = −η w_i (A_i − Σ_j w_j A_j),

and closes in the order parameters M_ik = μ_i·ν_k, Q_ij = μ_i·μ_j and α (docs/theory.md, Section 9).
Only expectations over Gaussians of dimension at most K − 1 and K* − 1 are needed; they come from
:mod:`.softmax` with an estimate of their error, which the integration keeps below its tolerance or
reports.

The flow is integrated on the coordinates of the means in a frame of the span of all μ_i and ν_k, a
factor of the Gram matrix: the overlaps stay possible, and ‖μ_i − μ_j‖ keeps its relative precision
where means merge.  With K = 2 and both logits trained, ℓ = α_1 − α_2 moves twice as fast as where ℓ
itself is the parameter: η here is half the η of the bimodal equations.
"""

from __future__ import annotations

from .flow import Rates, rates
from .integration import integrate_modes
from .states import MultimodalOverlaps, MultimodalTarget, random_modes_start

__all__ = [
    "MultimodalOverlaps",
    "MultimodalTarget",
    "Rates",
    "integrate_modes",
    "random_modes_start",
    "rates",
]
