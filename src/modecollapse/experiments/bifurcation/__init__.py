"""Where the two means can rest, against the separation."""

from __future__ import annotations

from ..columns import common

__all__ = ["UNITS"]

UNITS = {
    "source": "theory or simulation",
    **common("target_weight"),
    "branch": "number of the branch, or of the run, 1",
    "kind": "stable or unstable; fold, where a branch turns back; trained, the end of a run",
    **common("separation", "position1", "position2"),
}
