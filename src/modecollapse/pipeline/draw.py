"""Draw a figure from its tables: ``python -m modecollapse.pipeline.draw NAME TABLE ...``."""

from __future__ import annotations

import argparse
import hashlib
import re
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ..figures.style import STYLE, save
from ..store import read_sidecar, read_table, write_bytes, write_recorded
from .entry import run
from .provenance import record, short

__all__ = ["draw", "main"]


def draw(name: str, tables: Sequence[Path], stem: Path) -> None:
    """Draw figure `name` as PDF and PNG, with its caption (.rst) and provenance beside them."""
    import matplotlib.pyplot as plt

    start = time.monotonic()
    module = import_module(f"modecollapse.figures.{name}")
    frames = {path.stem: read_table(path) for path in tables}
    records = {path.stem: read_sidecar(path) for path in tables}
    settings = {name: beside["settings"] for name, beside in records.items()}
    device = ", ".join(sorted({beside["device"] for beside in records.values()}))
    with plt.rc_context(dict(STYLE)):
        figure = module.draw(frames)
        modules = [module.__name__, __spec__.name]
        made_by = record(modules, settings, tables, time.monotonic() - start, device)
        pictures = {kind: save(figure, kind, short(made_by)) for kind in ("pdf", "png")}
    caption = f"{_literal(module.CLAIM)}\n\n{_literal(module.caption(frames))}\n".encode()
    write_bytes(stem.with_suffix(".rst"), caption)
    made_by["caption"] = hashlib.sha256(caption).hexdigest()
    for kind, content in pictures.items():
        write_recorded(stem.with_suffix(f".{kind}"), content, made_by)


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
