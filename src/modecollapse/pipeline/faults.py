"""What is wrong with a configuration, in words: a line names the key, what was given and what is
allowed.  Whatever comes from a file is quoted and cut to a length."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

__all__ = ["ConfigurationError", "Fault", "faults", "joined", "key", "shown"]

MOST = 20  # lines that a message has at most
LENGTH = 80  # characters of what was given that are shown


class ConfigurationError(ValueError):
    """A configuration that cannot be used; the message names the key, the value and the remedy."""


class Fault(NamedTuple):
    """Something wrong at a key, given by its path."""

    path: tuple[Any, ...]
    what: str

    def __str__(self) -> str:
        return f"{key(self.path)}: {self.what}"


def joined(found: Iterable[Fault]) -> str:
    """One line for each key that has a fault, and how many more there are.

    >>> print(joined([Fault(("a", "b"), "got 1"), Fault(("a", "b"), "got 1 again")]))
    a.b: got 1
    """
    first: dict[tuple[Any, ...], str] = {}
    for fault in found:
        first.setdefault(fault.path, str(fault))
    lines = list(first.values())
    more = [f"and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return "\n".join([*lines[:MOST], *more])


def key(path: Iterable[Any]) -> str:
    """A key's path as text; what is not plain is quoted.

    >>> key(("fig1", "tables", 0)), key(("a\\nb",)), key(())
    ('fig1.tables.0', "'a\\\\nb'", 'the configuration')
    """
    parts = [str(part) if _plain(part) else shown(part) for part in path]
    return ".".join(parts) or "the configuration"


def _plain(part: Any) -> bool:
    if isinstance(part, int):
        return abs(part) < 10**9
    return isinstance(part, str) and re.fullmatch(r"[\w-]{1,60}", part, re.ASCII) is not None


def shown(value: Any) -> str:
    """What was given, as Python writes it, on one line of bounded length.

    >>> shown("a\\nb"), shown(10**5000)
    ("'a\\\\nb'", 'a whole number of more than 4000 digits')
    """
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of so many digits
        return "a whole number of more than 4000 digits"
    except RecursionError:
        return "something nested too deeply"
    return text if len(text) <= LENGTH else text[: LENGTH - 3] + "..."


def faults(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Fault]:
    """What in a configuration is against a JSON schema, or is no finite number."""
    yield from _not_finite(config)
    for error in _Validator(schema).iter_errors(config):
        yield from _explain(error, schema.get("$defs", {}))


def _whole(_: Any, value: Any) -> bool:
    """JSON Schema takes 20.0 for an integer, which Python does not."""
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _whole),
)


def _explain(error: ValidationError, definitions: Mapping[str, Any]) -> Iterator[Fault]:
    """The fault in words; `description` in the schema says what is allowed."""
    path = tuple(error.absolute_path)
    if error.validator in ("anyOf", "oneOf") and error.context:
        deepest = max(error.context, key=lambda inner: len(inner.absolute_path))
        if len(deepest.absolute_path) > len(path):
            yield from _explain(deepest, definitions)
            return
    known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
    if error.validator == "additionalProperties":
        for name in error.instance:
            if name not in known:
                yield Fault((*path, name), f"unknown key; allowed: {', '.join(sorted(known))}")
    elif error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                kind = known[name]
                allowed = definitions.get(kind.get("$ref", "").split("/")[-1], kind)["description"]
                yield Fault((*path, name), f"missing; allowed: {allowed}")
    else:
        allowed = error.schema.get("description") or shown(error.message)
        if error.validator == "maxItems":
            allowed += f", at most {error.validator_value}"
        given = f"got {shown(error.instance)}; allowed: {allowed}{_hint(error)}"
        yield Fault(path, given)


def _hint(error: ValidationError) -> str:
    """YAML 1.1 reads 1e-3 as text."""
    if not isinstance(error.instance, str) or error.validator == "pattern":
        return ""
    try:
        number = float(error.instance)
    except ValueError:
        return ""
    if error.schema.get("type") == "integer" and number.is_integer():
        number = int(number)
    return f" (YAML reads this as text; write {number!r})" if math.isfinite(number) else ""


def _not_finite(value: Any, path: tuple[Any, ...] = ()) -> Iterator[Fault]:
    """NaN and infinity pass a JSON schema's comparisons, and belong nowhere."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _not_finite(item, (*path, name))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _not_finite(item, (*path, i))
    elif isinstance(value, float) and not math.isfinite(value):
        yield Fault(path, f"got {value!r}; allowed: a finite number")
