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
from modecollapse.theory import critical_separation
from modecollapse.theory.metastability import fold_delay
from modecollapse.theory.ode import implicit

PLAY = Path(__file__).parents[1] / "play"
SCRIPTS = ("quadrature", "equations", "integrator", "states", "draw", "words", "page")


def constants() -> dict[str, Any]:
    """Nodes, tables and coefficients of the package, and two numbers of section 8."""
    critical = critical_separation(target_weight=0.5)
    law = fold_delay([0.01])
    nodes, weights = np.polynomial.legendre.leggauss(8)
    return {
        "quadrature": {
            "STEP": sigmoid.STEP,
            "NODES": sigmoid._G,
            "REACH": sigmoid._REACH,
            "SPACING": softplus._SPACING,
            "REST": softplus._REST,
            "KINK": softplus._KINK,
        },
        "path": {"nodes": (nodes + 1) / 2, "weights": weights / 2},
        "line": dict(zip(("nodes", "weights"), np.polynomial.legendre.leggauss(10), strict=True)),
        "rodas5p": {
            "GAMMA": implicit._GAMMA,
            "A": implicit._A,
            "C": implicit._C,
            "DENSE": implicit._DENSE,
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
