"""The command for people: ``modecollapse show FILE``, ``check``, ``schema`` and ``verify``."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..store import StoreError, digest, write_bytes
from . import configuration, owner, verify
from .records import read_record

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    given = _parser().parse_args(arguments)
    try:
        return given.run(given)
    except (StoreError, configuration.ConfigurationError) as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="modecollapse", description=__doc__)
    commands = parser.add_subparsers(required=True)
    show = commands.add_parser("show", help="say where a table or figure came from")
    show.add_argument("file", type=Path)
    show.set_defaults(run=_show)
    read = commands.add_parser("check", help="check a configuration")
    read.add_argument("--configfile", type=Path, help="a configuration laid over config.yaml")
    read.add_argument("--root", type=Path, default=Path.cwd(), help="the repository")
    read.set_defaults(run=_check)
    write = commands.add_parser("schema", help="write the schema of configurations")
    write.add_argument("--root", type=Path, default=Path.cwd(), help="the repository")
    write.set_defaults(run=_schema)
    check = commands.add_parser("verify", help="check all outputs against records and references")
    check.add_argument("--configfile", type=Path, help="a configuration laid over config.yaml")
    check.add_argument("--bless", action="store_true", help="take the tables as the reference")
    check.add_argument("--deep", action="store_true", help="draw each figure again, and compare")
    check.add_argument("--root", type=Path, default=Path.cwd(), help="the repository")
    check.set_defaults(run=_verify)
    return parser


def _show(given: argparse.Namespace) -> int:
    record = read_record(given.file)
    clean = {True: "clean", False: "with uncommitted changes", None: "unknown whether clean"}
    same = given.file.exists() and digest(given.file) == record.sha256
    print(f"{given.file}" + ("" if same else "  (not the bytes that this tells of: edited)"))
    print(f"  made by   {record.modules[0]} in {record.seconds:g} s on {record.device}")
    print(f"  commit    {record.commit} ({clean[record.clean]})")
    print(f"  code      {len(record.code)} files, digest {record.code_digest[:12]}")
    versions = ", ".join(f"{name} {version}" for name, version in record.packages.items())
    print(f"  with      Python {record.python}, {versions} on {record.machine}")
    for name, value in record.seeds.items():
        print(f"  seed      {name} = {value}")
    for name, value in _flat(record.settings):
        print(f"  setting   {name} = {value}")
    for path, content in record.inputs.items():
        print(f"  input     {path} {content[:12]}")
    for name, unit in record.units.items():
        print(f"  column    {name}: {unit}")
    return 0


def _flat(settings: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in settings.items():
        nested = isinstance(value, dict)
        rows += _flat(value, f"{prefix}{name}.") if nested else [(f"{prefix}{name}", value)]
    return rows


def _configuration(given: argparse.Namespace) -> dict[str, Any]:
    """The configuration that is meant, checked."""
    root, files = given.root.resolve(), [given.configfile] if given.configfile else []
    config = configuration.read(root, files)
    owner.check(root, config["name"], owner.origin(root, files))
    return config


def _check(given: argparse.Namespace) -> int:
    config = _configuration(given)
    figures = configuration.blocks(config)
    print(f"{config['name']}: {len(figures)} figures, {sum(map(len, figures.values()))} tables")
    return 0


def _schema(given: argparse.Namespace) -> int:
    from . import schema  # loads pydantic, which only this command needs

    root = given.root.resolve()
    content = schema.text(configuration.load([root / "config.yaml"]))
    write_bytes(root / configuration.SCHEMA, content.encode())
    print(f"wrote {root / configuration.SCHEMA}")
    return 0


def _verify(given: argparse.Namespace) -> int:
    root, config = given.root.resolve(), _configuration(given)
    if given.bless:
        print(f"wrote {verify.bless(root, config)}")
        return 0
    findings = verify.verify(root, config, deep=given.deep)
    width = max((len(finding.file) for finding in findings), default=0)
    for finding in findings:
        mark = " " if finding.good else "!"
        print(
            f"{mark} {finding.file:{width}}  {finding.check:6}  {finding.verdict:16}  "
            f"{finding.detail}".rstrip()
        )
    verdicts = Counter(finding.verdict for finding in findings)
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())))
    return 0 if all(finding.good for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
