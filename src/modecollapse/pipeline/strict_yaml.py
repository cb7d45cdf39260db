"""YAML files without what surprises: no duplicate keys, aliases or tags, and no text that YAML 1.1
reads otherwise than a person does."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from ..store import StoreError, read_bytes
from .faults import ConfigurationError, shown
from .faults import key as key_of

__all__ = ["read_value", "read_yaml"]

LARGEST = 2 * 10**5  # bytes of a file, read in some seconds; config.yaml has an eighth of it
DIGITS = 1000  # of a number
LONGEST = 40  # characters of a number that is told

# How a person writes what YAML 1.1 takes for a number, a truth or nothing, by its tag; whatever
# else it takes for one (base 8, 16 or 60, digits in groups, dates, …) a person reads otherwise.
PLAIN = {
    "int": re.compile(r"[-+]?(0|[1-9][0-9]*)"),
    "float": re.compile(
        r"[-+]?(0|[1-9][0-9]*)?\.[0-9]*([eE][-+][0-9]+)?|[-+]?\.(inf|nan)", re.IGNORECASE
    ),
    "bool": re.compile(r"true|false", re.IGNORECASE),
    "null": re.compile(r"~|null|", re.IGNORECASE),
    "str": re.compile(r".*", re.DOTALL),
}
OTHERS = {
    "timestamp": ("a date", "quote it"),
    "merge": ("a mapping to merge", "write its keys out"),
    "value": ("a value without a key", "quote it"),
}
# What the parser says where something is no YAML, and what it means.
MEANT = [
    ("'\\t'", "a tab, where only spaces may stand; indent by spaces"),
    ("mapping values", "a second ': ' in one value; quote it, or indent its keys alike"),
    ("<block end>", "no line of the block that begins in line {begun}; indent it like the others"),
    ("another document", "a second document; allowed: one"),
    ("stream", "the file ends within what begins in line {begun}; close that"),
    ("'@'", "a text that begins with @; quote it"),
    ("'`'", "a text that begins with `; quote it"),
    ("'%'", "a text that begins with %; quote it"),
    ("escape character", "an escape that YAML does not know; write single quotes"),
]


class _StrictLoader(yaml.SafeLoader):
    """A few aliases can stand for billions of items, and tags build objects."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._above: list[Any] = []  # keys and places down to the node that is read

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise ConfigurationError(f"*{event.anchor}: got an alias in line {line}; write it out")
        if getattr(event, "tag", None) is not None:
            raise ConfigurationError(f"got the tag {shown(event.tag)} in line {line}; leave it out")
        place = index.value if isinstance(index, yaml.ScalarNode) else index
        self._above.append(place)
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
            kind = self.resolve(yaml.ScalarNode, event.value, event.implicit)
            path = [part for part in self._above if part is not None]
            key = f"{key_of(path)}: " if path else ""
            given = f"{key}got {shown(event.value)} in line {line}"
            _check_text(event.value, kind.rpartition(":")[2], given)
        node = super().compose_node(parent, index)
        self._above.pop()
        return node

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


def _check_text(text: str, kind: str, given: str) -> None:
    """Refuse a plain text that YAML takes for a kind of value that a person does not see in it."""
    if len(text) > DIGITS and re.fullmatch(r"[-+]?(0[xb])?[0-9a-fA-F_]+", text):
        raise ConfigurationError(f"{given}; allowed: at most {DIGITS} digits")
    if kind not in PLAIN or not PLAIN[kind].fullmatch(text):
        read_as, remedy = OTHERS.get(kind) or _read_as(text)
        raise ConfigurationError(f"{given}, which YAML reads as {read_as}; {remedy}")


def _read_as(text: str) -> tuple[str, str]:
    """What YAML makes of a text that it takes for a number or a truth, and what to write."""
    try:
        value = yaml.safe_load(text)
    except ValueError:  # nothing behind a 0x
        return "a number", "quote it"
    if isinstance(value, bool):
        return str(value).lower(), "write true or false, or quote it"
    plain = repr(value)
    plain = plain if isinstance(value, int) or "." in plain else plain.replace("e", ".0e")
    decimal = text.replace("_", "").lstrip("+-0")
    meant = f" or {decimal}" if decimal.isdigit() and decimal != plain.lstrip("-") else ""
    if len(plain) > LONGEST:
        return "a number", "quote it"
    return plain, f"write {plain}{meant}, or quote it"


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys and values in a file.

    Raises
    ------
    ConfigurationError : naming the file, and what is wrong with it.
    """
    try:
        value = _parsed(read_bytes(path, LARGEST).decode())
    except StoreError as error:
        raise ConfigurationError(str(error)) from error
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


def _parsed(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except ConfigurationError:
        raise
    except yaml.MarkedYAMLError as error:
        raise ConfigurationError(f"not YAML{_place(error)}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"{shown(chr(error.character))}, which no text may have"
        raise ConfigurationError(f"not YAML in line {line}: {what}") from error
    except RecursionError:
        raise ConfigurationError("not YAML (nested too deeply)") from None
    except (yaml.YAMLError, ValueError) as error:
        where = " ".join(str(error).split())
        raise ConfigurationError(f"not YAML ({where[:300]})") from error


def _place(error: yaml.MarkedYAMLError) -> str:
    """Where the parser stopped, and why, in words."""
    mark, problem = error.problem_mark, str(error.problem)
    begun = error.context_mark.line + 1 if error.context_mark else 1
    meant = next((words for part, words in MEANT if part in problem), problem)
    where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{where}: {meant.format(begun=begun)}"
