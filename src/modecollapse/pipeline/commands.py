"""What each command does; they need the packages of the workflow."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from ..checks import path_of, printable, require
from ..closure import PACKAGE
from ..store import StoreError, digest, write_bytes
from . import configuration, crate, owner, profile
from . import verify as checking
from .entry import set_aside
from .judge import counted, verdicts
from .records import read_record

__all__ = ["perform"]


def perform(given: argparse.Namespace) -> int:
    """Perform what the command line asks for; returns the exit code."""
    try:
        return int(COMMANDS[given.command](given))
    except (StoreError, configuration.ConfigurationError) as error:
        say(*str(error).splitlines(), to=sys.stderr)
        return 2


def say(*lines: object, to: TextIO | None = None) -> None:
    """Print lines; what a file holds moves no cursor, rings no bell and begins no line."""
    for line in lines:
        print(printable(str(line)), file=to)


def show(given: argparse.Namespace) -> int:
    # A caption has no record of its own: it is part of its picture's.
    file = given.file.with_suffix(".png") if given.file.suffix == ".rst" else given.file
    record = read_record(file)
    clean = {True: "clean", False: "with uncommitted changes", None: "unknown whether clean"}
    told = record.sha256 if file == given.file else record.caption
    same = given.file.exists() and digest(given.file) == told
    say(f"{given.file}" + ("" if same else "  (not the bytes that this tells of: edited)"))
    say(f"  made by   {record.modules[0]} in {record.seconds:g} s on {record.device}")
    say(f"  commit    {record.commit} ({clean[record.clean]})")
    say(f"  code      {len(record.code)} files, digest {record.code_digest[:12]}")
    versions = ", ".join(f"{name} {version}" for name, version in record.packages.items())
    say(f"  with      Python {record.python}, {versions} on {record.machine}")
    for name, value in record.seeds.items():
        say(f"  seed      {name} = {value}")
    for name, value in _flat(record.settings):
        say(f"  setting   {name} = {value}")
    for path, content in record.inputs.items():
        say(f"  input     {path} {content[:12]}")
    for name, unit in record.units.items():
        say(f"  column    {name}: {unit}")
    return 0


def _flat(settings: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in settings.items():
        nested = isinstance(value, dict)
        rows += _flat(value, f"{prefix}{name}.") if nested else [(f"{prefix}{name}", value)]
    return rows


def _configuration(given: argparse.Namespace) -> dict[str, Any]:
    """The configuration that is meant, checked."""
    root, file = given.root.resolve(), getattr(given, "file", None)
    if file and given.configfile:
        raise configuration.ConfigurationError(
            f"--configfile: got {str(given.configfile)!r} beside the file {str(file)!r}; "
            "allowed: one of the two"
        )
    file = file or given.configfile
    _same_code(root)
    files = [file] if file else []
    config = configuration.read(root, files)
    owner.check(root, config["name"], owner.origin(root, files))
    return config


def check(given: argparse.Namespace) -> int:
    config = _configuration(given)
    figures = configuration.blocks(config)
    say(f"{config['name']}: {len(figures)} figures, {sum(map(len, figures.values()))} tables")
    return 0


def write_schema(given: argparse.Namespace) -> int:
    from . import schema  # loads all experiments, which only this command needs

    root = given.root.resolve()
    content = schema.text(configuration.load([root / "config.yaml"]))
    write_bytes(root / configuration.SCHEMA, content.encode())
    say(f"wrote {root / configuration.SCHEMA}")
    return 0


def verify(given: argparse.Namespace) -> int:
    root, config = given.root.resolve(), _configuration(given)
    if given.bless:
        say(f"wrote {checking.bless(root, config)}")
        return 0
    findings = checking.verify(root, config, deep=given.deep)
    width = max((len(finding.file) for finding in findings), default=0)
    for finding in findings:
        mark = " " if finding.good else "!"
        say(
            f"{mark} {finding.file:{width}}  {finding.check:6}  {finding.verdict:16}  "
            f"{finding.detail}".rstrip()
        )
    claims = owner.folder(root, "results", config["name"]) / "claims.csv"
    if claims.exists():
        say(*verdicts(claims))
    say(counted(finding.verdict for finding in findings))
    return 0 if all(finding.good for finding in findings) else 1


def measure(given: argparse.Namespace) -> int:
    told = profile.report(profile.profile(given.root.resolve(), _configuration(given)))
    say(*told.splitlines())
    return 0


def describe(given: argparse.Namespace) -> int:
    say(f"wrote {crate.crate(given.root.resolve(), _configuration(given))}")
    return 0


def diagnose(given: argparse.Namespace) -> int:
    set_aside()
    from ..diagnosis import diagnose as look  # loads torch
    from ..diagnosis import write_report

    logging.basicConfig(format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger(PACKAGE.name).setLevel(logging.INFO)
    options = {"check": given.check, "seconds": given.seconds, "hours": given.hours}
    try:
        folder = _writable("output", given.output or Path("diagnosis", given.file.stem))
        found = look(given.file, seeds=given.seeds, steps=given.steps, **options)
    except ValueError as error:
        say(*str(error).splitlines(), to=sys.stderr)
        return 2
    except MemoryError as error:
        say(f"{given.file}: needs more memory than there is ({error})", to=sys.stderr)
        return 2
    say(*found.sentences())
    for file in write_report(found, folder):
        say(f"wrote {file}")
    return 0


def _writable(name: str, path: Path) -> Path:
    """The path of a folder that is there and can be written to, or can be made."""
    folder = path_of(name, path).absolute()
    above = next(each for each in (folder, *folder.parents) if each.exists())
    fine = above.is_dir() and os.access(above, os.W_OK)
    require(fine, name, str(path), "a folder that can be written to")
    return path


def _same_code(root: Path) -> None:
    """Refuse to judge a tree by the code of another: the command may be that of a copy."""
    own = root / "src" / PACKAGE.name
    if own.is_dir() and own.resolve() != PACKAGE.resolve() and _code(own) != _code(PACKAGE):
        raise configuration.ConfigurationError(
            f"{root}: holds other code than this command's, {PACKAGE}; there, take `make` or\n"
            f"PYTHONPATH={own.parent} python -m {PACKAGE.name}"
        )


def _code(package: Path) -> dict[str, str]:
    """The digest of each module of a package."""
    return {str(path.relative_to(package)): digest(path) for path in package.rglob("*.py")}


COMMANDS = {
    "show": show,
    "check": check,
    "schema": write_schema,
    "verify": verify,
    "profile": measure,
    "crate": describe,
    "diagnose": diagnose,
}
