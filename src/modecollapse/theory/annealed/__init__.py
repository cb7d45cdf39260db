r"""Gradient flow on a tempered target p^β(t) with trained means, weights and isotropic variances.

q = w_1 N(μ_1, v_1 I) + w_2 N(μ_2, v_2 I) descends KL(q‖p^β/Z_β) for the bimodal target p.  In the
axial coordinates of :mod:`.rhs`, with the log-variances added (docs/theory.md, Eqs. 11.3 to 11.5),

    da_1/dt  = −w_1 β (a_1 − r T_1) + g (a_1 − a_2)
    da_2/dt  = −w_2 β (a_2 − r T_2) − g (a_1 − a_2)
    dP_11/dt = −2 w_1 β P_11 + 2 g (P_11 − P_12),    dP_22/dt alike
    dP_12/dt = −β P_12 − g (P_11 − 2 P_12 + P_22)
    dℓ/dt    = −η w_1 w_2 (A_1 − A_2),    A_i = E_i[log q − β log p]
    ∂KL/∂v_i = [w_i (β v_i (d − 4 r² C_i) − d) + U_i] / 2v_i

where T_i = E_i[s_+ − s_-] and C_i = E_i[s_+ s_-] are expectations of one Gaussian variable, and
g, U_i and what A_i needs of log q are contour integrals (:mod:`.contour`): no limit is taken, and
the dimension d is any.  At v = 1 and β = 1 these are the equations of :mod:`.rhs`.

The variances move by one of two clocks.  "euclidean" is dv/dt = −∂KL/∂v.  "bures" is the gradient
flow in the Wasserstein metric of N(μ, v I), ‖dμ‖² + d (d√v)², that is dv/dt = −(4v/d) ∂KL/∂v: for
one Gaussian on N(0, I/β) it is dv/dt = 2 (1 − βv), the Ornstein-Uhlenbeck process.
"""

from __future__ import annotations

from .equations import VARIANCES
from .integration import annealed_velocity, integrate_annealed, tempered_kl

__all__ = ["VARIANCES", "annealed_velocity", "integrate_annealed", "tempered_kl"]
