r"""One integrator for every set of equations in this package that is written as machine code.

A set of equations is a ``NamedTuple`` of its constants, which :func:`.equations.register` ties to
its velocity dx/dt and, where there is one, its Jacobian.  :mod:`.explicit` and :mod:`.implicit`
take a step, :mod:`.follow` chooses steps and method, and states in between come from one
interpolation.

The equations of many components (:mod:`..multimodal`), whose right-hand side refines its own
quadrature, are numpy and go by scipy's LSODA.
"""

from .equations import register
from .follow import Control, Stretch, follow

__all__ = ["Control", "Stretch", "follow", "register"]
