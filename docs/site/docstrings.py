"""Sphinx: the docstrings of this package, written to be read as text, as reStructuredText.

Sections are numpy's, with a name and what is said of it in one line, ``name : what it is``.
"""

from __future__ import annotations

import re
from pathlib import Path

import modecollapse

STUB = Path(modecollapse.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
FRONT = re.findall(r"^from \.(\w+) import (\w+)", STUB, re.MULTILINE)  # package and name
MARK = re.compile(r"FRONT-DOOR(?:-OF-(\w+))?")  # on a page: its names, or those from one package
UNDERLINE = re.compile(r"-{4,}\s*$")
ITEM = re.compile(r"(\*{0,2}\w[\w, *.]*?) : (.*)$")


def escaped(line: str) -> str:
    """|x| and ν* are no markup.

    >>> escaped("|x| at ν*, **bold**, `a|b`")
    '\\\\|x\\\\| at ν\\\\*, **bold**, `a|b`'
    """
    parts = re.split(r"(`[^`]*`)", line)
    parts[::2] = [re.sub(r"(?<![\\*])([|*])(?!\*)", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def converted(lines: list[str]) -> list[str]:
    """A docstring's lines, a heading for each section and an entry for each name in it."""
    made: list[str] = []
    section = example = False
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if UNDERLINE.match(line):
            continue
        if line and UNDERLINE.match(after):
            section, example = True, False
            made += ["", f".. rubric:: {line}", ""]
        elif line.startswith(">>>") or (example and line):
            made += [line] if example else ["", line]
            section, example = False, True
        elif section and (item := ITEM.match(line)):
            made += [f"``{item[1]}``", f"    {escaped(item[2])}"]
            example = False
        else:
            made.append(escaped(line))
            example = False
    return made


def convert(app, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    lines[:] = converted(lines)


def read(app, page: str, source: list[str]) -> None:
    source[0] = MARK.sub(
        lambda mark: ", ".join(name for package, name in FRONT if mark[1] in (None, package)),
        source[0],
    )


def setup(app) -> dict[str, bool]:
    app.connect("source-read", read)
    app.connect("autodoc-process-docstring", convert)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
