"""The theory of mode collapse: a command for its figures, their tables, and where they came from.

`show` needs a file and the record beside it; the other commands are for a checkout of the
repository, with a `config.yaml`, as their current folder.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
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
    "diagnose": "say whether flows will collapse on a target of your own",
}
EXAMPLES = {
    "show": {
        "figures/fig1_collapse.pdf": "tables, settings, code and versions behind a figure",
        "results/smoke/snapshots.csv": "the same for a table",
    },
    "check": {
        "config/smoke.yaml": "what would be refused, before anything is run",
        "": "config.yaml alone",
    },
    "schema": {"": "after a field of some Settings has changed"},
    "verify": {
        "": "the default configuration's outputs, in a minute",
        "--configfile config/smoke.yaml": "those of another one",
        "--deep": "draw every figure again, and compare",
    },
    "profile": {
        "": "where the time of the finished default run went",
        "--configfile config/cluster.yaml": "the same for another one",
    },
    "crate": {"": "beside the outputs of the finished default run"},
    "diagnose": {
        "targets/ring.py": "modes, and a forecast from 2 % of a training",
        "targets/ring.py --check --seeds 8": "and an ensemble of 8 flows that checks it",
    },
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
        if sys.stdout is not None:  # closed by `>&-`
            sys.stdout.flush()
        return code
    except BrokenPipeError:  # `| head` has read enough
        _silence()
        return 141
    except OSError as error:  # a full disk behind `>`, a current folder that is gone
        _silence()
        where = f"{error.filename}: " if error.filename else ""
        print(f"modecollapse: {where}{error.strerror}", file=sys.stderr)
        return 2
    except RuntimeError as error:  # before Python 3.13, of links in a circle
        if "Symlink loop" not in str(error):
            raise
        print(f"modecollapse: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _silence() -> None:
    """Let nothing more be written to where nothing can be written."""
    with suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
    parser = argparse.ArgumentParser(
        prog="modecollapse",
        description=__doc__,
        epilog="`modecollapse COMMAND --help` has examples. In Python: import modecollapse as mc; "
        "help(mc.integrate); mc.show_versions(), for a report of a fault.",
    )
    parser.add_argument("--version", action="version", version=f"modecollapse {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in HELP.items():
        command = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=_examples(name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == "show":
            command.add_argument("file", type=_path, help="a .csv, .pdf, .png or .rst")
            continue
        if name == "diagnose":
            _diagnose_options(command)
            continue
        said = "a configuration laid over config.yaml"
        if name == "check":
            command.add_argument("file", type=_path, nargs="?", help=said)
        if name != "schema":
            command.add_argument("--configfile", type=_path, help=said)
        command.add_argument("--root", type=_path, default=Path(), help="the repository")
        if name == "verify":
            for option, said in VERIFY.items():
                command.add_argument(option, action="store_true", help=said)
    return parser


def _path(text: str) -> Path:
    """A path; no text at all, which would be the current folder's, is none."""
    if text == "":
        raise argparse.ArgumentTypeError("got ''; allowed: a path")
    return Path(text)


def _diagnose_options(command: argparse.ArgumentParser) -> None:
    said = "a Python file that defines log_density(x) and dimension, or target"
    command.add_argument("file", type=_path, help=said)
    command.add_argument("--check", action="store_true", help="train the whole ensemble as well")
    command.add_argument("--seeds", type=int, default=16, help="runs (16)")
    command.add_argument("--steps", type=int, default=400, help="optimisation steps (400)")
    command.add_argument("--seconds", type=float, default=60.0, help="to look for modes (60)")
    command.add_argument("--hours", type=float, default=24.0, help="trainings may take (24)")
    command.add_argument("--output", type=_path, help="a folder for the report (diagnosis/<file>)")


def _examples(name: str) -> str:
    """The examples of a command, each with what it is for."""
    lines = {f"modecollapse {name} {words}".rstrip(): why for words, why in EXAMPLES[name].items()}
    width = max(map(len, lines))
    return "\n".join(["examples:", *(f"  {line:{width}}  # {why}" for line, why in lines.items())])


if __name__ == "__main__":
    sys.exit(main())
