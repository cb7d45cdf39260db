"""The interactive page in one file: ``python docs/site/play.py PATH`` writes it.

Its scripts stand in `docs/play/`; the numbers that they share with the package are taken from it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from modecollapse.quadrature import sigmoid, softplus
from modecollapse.theory import core, critical_separation, invariant_line, steppers
from modecollapse.theory.metastability import fold_delay

PLAY = Path(__file__).parents[1] / "play"
SCRIPTS = ("quadrature", "equations", "integrator", "states", "draw", "page")


def constants() -> dict[str, Any]:
    """Nodes, tables and coefficients of the package, and two numbers of section 8."""
    critical = critical_separation(target_weight=0.5)
    law = fold_delay([0.01])
    return {
        "quadrature": {
            "STEP": sigmoid.STEP,
            "NODES": sigmoid._G,
            "REACH": sigmoid._REACH,
            "SPACING": softplus._SPACING,
            "REST": softplus._REST,
            "KINK": softplus._KINK,
        },
        "path": {"nodes": core._NODES, "weights": core._NODE_WEIGHTS},
        "line": {"nodes": invariant_line._NODES, "weights": invariant_line._NODE_WEIGHTS},
        "rodas5p": {
            "GAMMA": steppers._GAMMA,
            "A": steppers._A,
            "C": steppers._C,
            "DENSE": steppers._DENSE,
        },
        "critical": critical,
        "fold": float(law["law"][0] * np.sqrt(law["distance"][0])),  # Eq. 8.2
    }


def script() -> str:
    """All of the page's JavaScript."""
    numbers = json.dumps(constants(), default=lambda array: array.tolist())
    parts = [(PLAY / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return "\n".join([f"const CONSTANTS = {numbers};", *parts])


def page() -> str:
    """The whole page."""
    text = (PLAY / "page.html").read_text(encoding="utf-8")
    style = (PLAY / "page.css").read_text(encoding="utf-8")
    return text.replace("/* STYLE */", style).replace("/* SCRIPT */", script())


def setup(app) -> dict[str, bool]:
    """As a Sphinx extension: the page is written beside the site's."""

    def write(app, failed: Exception | None) -> None:
        if not failed:
            Path(app.outdir, "interactive.html").write_text(page(), encoding="utf-8")

    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
