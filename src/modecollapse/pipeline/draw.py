"""Draw a figure from its tables: ``python -m modecollapse.pipeline.draw NAME TABLE ...``."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

# matplotlib reads these when imported: a notebook sets another backend, and the user's settings may
# be no UTF-8 text.  Those in the current folder it reads whatever stands here.
os.environ.update({"MPLBACKEND": "Agg", "MATPLOTLIBRC": os.devnull})

try:
    import matplotlib
except UnicodeDecodeError:
    sys.exit("error: matplotlibrc: not UTF-8 text; delete it, or save it as UTF-8")
import matplotlib.pyplot as plt
import pandas as pd

from ..claims import claims_of, judged, told
from ..figures.style import STYLE, save
from ..store import read_table, write_bytes, write_recorded
from .entry import run
from .provenance import record, short
from .records import read_record

__all__ = ["draw", "main", "render"]


def draw(name: str, tables: Sequence[Path], stem: Path) -> None:
    """Draw figure `name` as PDF and PNG, with its caption (.rst) and provenance beside them."""
    start = time.monotonic()
    frames = {path.stem: read_table(path) for path in tables}
    records = {path.stem: read_record(path) for path in tables}
    settings = {table: beside.settings for table, beside in records.items()}
    device = ", ".join(sorted({beside.device for beside in records.values()}))
    modules = [f"modecollapse.figures.{name}", __spec__.name]
    modules += [f"modecollapse.claims.{name}"] if claims_of(name) else []
    made_by = record(modules, settings, tables, 0.0, device)
    drawn = render(name, frames, short(made_by))
    made_by["seconds"] = round(time.monotonic() - start, 3)
    made_by["caption"] = hashlib.sha256(drawn["rst"]).hexdigest()
    write_bytes(stem.with_suffix(".rst"), drawn["rst"])
    for kind in ("pdf", "png"):
        write_recorded(stem.with_suffix(f".{kind}"), drawn[kind], made_by)


def render(name: str, frames: Mapping[str, pd.DataFrame], about: str) -> dict[str, bytes]:
    """A figure's files from its tables: "pdf", "png" and its caption, "rst".

    Nothing of the user's own settings for matplotlib takes part.

    Parameters
    ----------
    about : what the pictures say of their provenance.
    """
    module = import_module(f"modecollapse.figures.{name}")
    plt.switch_backend("Agg")
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        drawn = save(module.draw(frames), about)
    verdicts = told(judged(name, claims_of(name), frames))
    paragraphs = [module.CLAIM, module.caption(frames), *([verdicts] if verdicts else [])]
    caption = "\n\n".join(_literal(text) for text in paragraphs) + "\n"
    return {**drawn, "rst": caption.encode()}


def _literal(text: str) -> str:
    """Plain text as reStructuredText: μ* opens no emphasis, and (a) at the start no list.

    >>> print(_literal("(a) μ*"))
    \\(a) μ\\*
    """
    return re.sub(r"([*`|_\\]|^\()", r"\\\1", text)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draw a figure from its tables.")
    parser.add_argument("name")
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True, help="the figure without ending")
    given = parser.parse_args(arguments)
    draw(given.name, given.tables, given.output)


if __name__ == "__main__":
    run(main)
