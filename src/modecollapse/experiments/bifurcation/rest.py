"""The columns of the table."""

from __future__ import annotations

__all__ = ["UNITS"]

UNITS = {
    "source": "theory or simulation",
    "target_weight": "π, weight of the mode at +μ*, 1",
    "branch": "number of the branch, or of the run, 1",
    "kind": "stable or unstable; fold, where a branch turns back; trained, the end of a run",
    "separation": "r = ‖μ*‖, standard deviations of a mode",
    "position1": "μ_1·μ*/r, standard deviations of a mode",
    "position2": "μ_2·μ*/r, standard deviations of a mode",
}
