"""Draw a figure from its tables: ``python -m modecollapse.pipeline.draw NAME TABLE ...``."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

import pandas as pd

from ..store import StoreError, read_table, write_bytes, write_recorded
from .entry import Parser, Tables, end, file_to_write, run, set_aside

try:
    set_aside()
    import matplotlib.pyplot as plt
except StoreError as error:
    end(error)

from ..checks import require
from ..claims import claims_of, judged, told
from ..closure import PACKAGE
from ..figures.style import applied, save
from .provenance import record, short
from .records import read_record

__all__ = ["draw", "drawable", "main", "render"]


def draw(name: str, tables: Sequence[Path], stem: Path) -> None:
    """Draw figure `name` as PDF and PNG, with its caption (.rst) and provenance beside them."""
    start = time.monotonic()
    frames = Tables({path.stem: read_table(path) for path in tables})
    records = {path.stem: read_record(path) for path in tables}
    settings = {table: beside.settings for table, beside in records.items()}
    device = ", ".join(sorted({beside.device for beside in records.values()}))
    modules = [f"modecollapse.figures.{name}", __spec__.name]
    modules += [f"modecollapse.claims.{name}"] if claims_of(name) else []
    made_by = record(modules, settings, tables, 0.0, device)
    try:
        drawn = render(name, frames, short(made_by))
    except KeyError as error:
        raise StoreError(f"{name}: a column that no table given has, {error}") from error
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
    with applied():
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


def drawable(name: str) -> None:
    """Refuse what is not the name of a figure's module.

    >>> drawable("style")
    Traceback (most recent call last):
    ...
    ValueError: figure: got 'style'; allowed: a module of modecollapse.figures that draws one
    """
    there = name.isidentifier() and (PACKAGE / "figures" / f"{name}.py").is_file()
    module = import_module(f"modecollapse.figures.{name}") if there else None
    known = hasattr(module, "draw") and hasattr(module, "CLAIM")
    require(known, "figure", name, "a module of modecollapse.figures that draws one")


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(description="Draw a figure from its tables.")
    parser.add_argument("name")
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument(
        "--output", type=file_to_write, required=True, help="the figure without ending"
    )
    given = parser.parse_args(arguments)
    drawable(given.name)
    draw(given.name, given.tables, given.output)


if __name__ == "__main__":
    run(main)
