"""The theory of mode collapse: a command for its figures, their tables, and where they came from.

`show` needs a file and the record beside it; the other commands are for a checkout of the
repository, with a `config.yaml`, as their current folder.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .. import __version__

__all__ = ["main"]

HELP = {
    "show": "say where a table, figure or caption came from",
    "check": "check a configuration",
    "schema": "write the schema of configurations, for editors",
    "verify": "check all outputs against records and references",
    "profile": "sum the time and memory of the jobs by table and source",
    "crate": "describe a finished run as an RO-Crate (ro-crate-metadata.json)",
}
VERIFY = {
    "--bless": "take the tables as the reference",
    "--deep": "draw each figure again, and compare",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # Greek letters on a terminal that knows none
            stream.reconfigure(errors="backslashreplace")
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        if given.command is None:
            parser.print_help()
            return 0
        code = _perform(given)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130


def _perform(given: argparse.Namespace) -> int:
    try:
        from . import commands  # loads what an installation without the workflow lacks
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("modecollapse"):
            raise
        need = f"modecollapse {given.command} needs {error.name}"
        print(f"{need}: pip install 'modecollapse[workflow]'", file=sys.stderr)
        return 2
    return commands.perform(given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="modecollapse", description=__doc__)
    parser.add_argument("--version", action="version", version=f"modecollapse {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in HELP.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name == "show":
            command.add_argument("file", type=Path, help="a .csv, .pdf, .png or .rst")
            continue
        said = "a configuration laid over config.yaml"
        if name == "check":
            command.add_argument("file", type=Path, nargs="?", help=said)
        if name != "schema":
            command.add_argument("--configfile", type=Path, help=said)
        command.add_argument("--root", type=Path, default=Path.cwd(), help="the repository")
        if name == "verify":
            for option, said in VERIFY.items():
                command.add_argument(option, action="store_true", help=said)
    return parser


if __name__ == "__main__":
    sys.exit(main())
