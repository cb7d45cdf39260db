"""What the integrator asks of a set of equations, answered by the type of their constants.

Compiled code cannot be handed a function without losing its place on disk; it can be handed
constants, whose type says which functions to call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray

from ...compiled import overloaded

__all__ = ["Equations", "contraction", "register", "size", "slope", "slope_and_jacobian"]


class Equations(NamedTuple):
    """A set of equations; see :func:`register`."""

    size: int
    velocity: Callable[..., None]
    jacobian: Callable[..., None] | None
    contraction: Callable[..., float] | None


KNOWN: dict[type, Equations] = {}


def register(
    constants: type,
    size: int,
    velocity: Callable[..., None],
    jacobian: Callable[..., None] | None = None,
    contraction: Callable[..., float] | None = None,
) -> None:
    """Tell the integrator what to do with `constants`, a ``NamedTuple`` of a name of its own.

    It has to be called in the module that defines `constants`, for machine code is kept under a
    digest of what that module imports (:mod:`...compiled`).  All functions are compiled.

    Parameters
    ----------
    size : the number of coordinates of a state x.
    velocity : (constants, t, x, out) writes dx/dt into `out`.
    jacobian : (constants, t, x, out, jac) writes dx/dt and its derivatives by x; for equations in
        which t does not appear.
    contraction : (constants) -> the largest rate λ at which the flow contracts, beyond which an
        explicit step is unstable.  With both of these the implicit method takes over where it is
        the cheaper.
    """
    KNOWN[constants] = Equations(size, velocity, jacobian, contraction)


def size(constants: Any) -> int:
    """The number of coordinates, a constant in compiled code."""
    return KNOWN[type(constants)].size


def slope(constants: Any, t: float, x: NDArray, out: NDArray) -> None:
    """dx/dt."""
    KNOWN[type(constants)].velocity(constants, t, x, out)


def slope_and_jacobian(constants: Any, t: float, x: NDArray, out: NDArray, jac: NDArray) -> None:
    """dx/dt and, where the equations have it, the Jacobian."""
    jacobian = KNOWN[type(constants)].jacobian
    if jacobian is None:
        slope(constants, t, x, out)
    else:
        jacobian(constants, t, x, out, jac)


def contraction(constants: Any) -> float:
    """The largest rate of contraction; 0 where it is not known, or of no use."""
    known = KNOWN[type(constants)]
    return (
        0.0 if known.contraction is None or known.jacobian is None else known.contraction(constants)
    )


@overloaded(size)
def _size(constants):
    n = KNOWN[constants.instance_class].size
    return lambda constants: n


@overloaded(slope)
def _slope(constants, t, x, out):
    velocity = KNOWN[constants.instance_class].velocity
    return lambda constants, t, x, out: velocity(constants, t, x, out)


@overloaded(slope_and_jacobian)
def _slope_and_jacobian(constants, t, x, out, jac):
    known = KNOWN[constants.instance_class]
    velocity, jacobian = known.velocity, known.jacobian
    if jacobian is None:
        return lambda constants, t, x, out, jac: velocity(constants, t, x, out)
    return lambda constants, t, x, out, jac: jacobian(constants, t, x, out, jac)


@overloaded(contraction)
def _contraction(constants):
    known = KNOWN[constants.instance_class]
    rate = known.contraction
    if rate is None or known.jacobian is None:
        return lambda constants: 0.0
    return lambda constants: rate(constants)
