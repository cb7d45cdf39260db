r"""The integrator of the equations that are compiled: of two components, annealed or not.

A set of equations is a ``NamedTuple`` of its constants, which :func:`.equations.register` ties to
its velocity dx/dt and, where there is one, its Jacobian.  :mod:`.explicit` and :mod:`.implicit`
take a step, :mod:`.follow` chooses steps and method, and states in between come from one
interpolation.

All other equations are numpy and go by scipy's integrators: many components, whose right-hand side
refines its own quadrature (:mod:`..multimodal`), other geometries and divergences
(:mod:`..geometry_runs`), and what is integrated once for a law or a lifetime.
"""

from .equations import register
from .follow import Control, Stretch, follow

__all__ = ["Control", "Stretch", "follow", "register"]
