"""YAML files without what surprises: no duplicate keys, aliases or tags, and no text that YAML 1.1
reads otherwise than a person does."""

from __future__ import annotations

import re
import stat
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from .faults import ConfigurationError, shown
from .faults import key as key_of

__all__ = ["read_value", "read_yaml"]

LARGEST = 2 * 10**5  # bytes of a file, read in some seconds; config.yaml has an eighth of it
DIGITS = 1000  # of a number

# What YAML 1.1 makes of some plain texts, and what to write instead.
SURPRISES = [
    (re.compile(r"[-+]?0[0-9_]+"), "a number in base 8", "leave out the leading 0, or quote it"),
    (re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"), "base 60", "quote it"),
    (re.compile(r"(yes|no|on|off)", re.IGNORECASE), "true or false", "write that, or quote it"),
    (re.compile(r"\d{4}-\d\d?-\d\d?.*", re.DOTALL), "a date", "quote it"),
    (re.compile(r"<<"), "a mapping to merge", "write its keys out"),
]


class _StrictLoader(yaml.SafeLoader):
    """A few aliases can stand for billions of items, and tags build objects."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise ConfigurationError(f"*{event.anchor}: got an alias in line {line}; write it out")
        if getattr(event, "tag", None) is not None:
            raise ConfigurationError(f"got the tag {shown(event.tag)} in line {line}; leave it out")
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
            _check_text(event.value, line)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        line, seen = node.start_mark.line + 1, set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise ConfigurationError(f"not YAML for a key (line {line}: {shown(key)})")
            if key in seen:
                where = f"in the block from line {line} on"
                raise ConfigurationError(f"{key_of((key,))}: given twice {where}")
            seen.add(key)
        return super().construct_mapping(node, deep)


def _check_text(text: str, line: int) -> None:
    """Refuse a plain text that is read as something else than it seems."""
    for pattern, read_as, remedy in SURPRISES:
        if pattern.fullmatch(text):
            given = f"got {shown(text)} in line {line}, which YAML reads as {read_as}"
            raise ConfigurationError(f"{given}; {remedy}")
    if len(text) > DIGITS and re.fullmatch(r"[-+]?(0[xb])?[0-9a-fA-F_]+", text):
        given = f"got {shown(text)} in line {line}"
        raise ConfigurationError(f"{given}; allowed: at most {DIGITS} digits")


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys and values in a file.

    Raises
    ------
    ConfigurationError : naming the file, and what is wrong with it.
    """
    try:
        value = _parsed(_text(path))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 text; save it as UTF-8") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    if not isinstance(value, dict):
        given = f"got {shown(value)}; allowed: a block of keys and values"
        raise ConfigurationError(f"{path}: {given}")
    return value


def read_value(given: Any) -> Any:
    """A value from the command line, the texts in it read as a file's would be.

    >>> read_value({"points": "20", "etas": ["0.5"]})
    {'points': 20, 'etas': [0.5]}
    """
    if isinstance(given, dict):
        return {key: read_value(value) for key, value in given.items()}
    if isinstance(given, list):
        return [read_value(value) for value in given]
    return _parsed(given) if isinstance(given, str) else given


def _text(path: Path) -> str:
    about = path.stat()
    if not stat.S_ISREG(about.st_mode) and not stat.S_ISDIR(about.st_mode):
        raise ConfigurationError("cannot be read (it is no file)")
    if about.st_size > LARGEST:
        raise ConfigurationError(f"got {about.st_size} bytes; allowed: at most {LARGEST}")
    return path.read_text(encoding="utf-8")


def _parsed(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except ConfigurationError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = " ".join(str(error).split())
        raise ConfigurationError(f"not YAML ({where[:300]})") from error
