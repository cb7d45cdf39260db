"""Read and check a configuration before any job: one message names the key, value and remedy."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

__all__ = ["ConfigurationError", "blocks", "check", "experiments", "load", "merge", "schema"]


class ConfigurationError(ValueError):
    """A configuration that cannot be used; the message names the key, the value and the remedy."""


class _StrictLoader(yaml.SafeLoader):
    """YAML without duplicate keys, aliases (a few can stand for billions), or tags that build
    objects."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            line = event.start_mark.line + 1
            raise ConfigurationError(f"*{event.anchor}: got an alias in line {line}; write it out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = next((key for i, key in enumerate(keys) if key in keys[:i]), None)
        if twice is not None:
            line = node.start_mark.line + 1
            raise ConfigurationError(f"{twice}: given twice in the block from line {line} on")
        return super().construct_mapping(node, deep)


def load(paths: Iterable[Path | str]) -> dict[str, Any]:
    """Read configuration files and lay each over those before it.

    Raises
    ------
    ConfigurationError : naming the file, and what is wrong with it.
    """
    whole: dict[str, Any] = {}
    for path in paths:
        whole = merge(whole, _read(Path(path)))
    return whole


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over` laid on it, mapping by mapping; lists are replaced.

    >>> merge({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}})
    {'a': {'b': 1, 'c': 3}}
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(below, value) if both else value  # type: ignore[arg-type]
    return merged


def schema(folder: Path) -> dict[str, Any]:
    """The JSON schema of the whole configuration, from the schema files in `folder`.

    ``kinds.yaml`` defines the kinds of value; ``<figure>.yaml`` gives, for each table, source and
    setting of a figure, a kind's name or a schema of its own.
    """
    kinds = yaml.safe_load((folder / "kinds.yaml").read_text(encoding="utf-8"))
    figures = {
        path.stem: _block(yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(folder.glob("fig*.yaml"))
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": kinds,
        **_object({"name": {"$ref": "#/$defs/name"}, **figures}, "a name, and a block a figure"),
    }


def _block(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a figure's block: table -> source -> setting."""
    return _object({name: _table(sources) for name, sources in tables.items()}, "tables by name")


def _table(given: Mapping[str, Any]) -> dict[str, Any]:
    sources = {name: settings for name, settings in given.items() if name != "experiment"}
    blocks = {
        name: {"jobs": {"$ref": "#/$defs/jobs"}, **{k: _kind(v) for k, v in settings.items()}}
        for name, settings in sources.items()
    }
    whole = {name: _object(block, "settings") for name, block in blocks.items()}
    if "experiment" in given:
        only = {"const": given["experiment"], "description": given["experiment"]}
        whole = {"experiment": only, **whole}
    return _object(whole, "sources by name")


def _object(properties: Mapping[str, Any], description: str) -> dict[str, Any]:
    """A mapping with just these keys, each required."""
    return {
        "type": "object",
        "description": f"a block of {description}",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _kind(value: Any) -> Any:
    return {"$ref": f"#/$defs/{value}"} if isinstance(value, str) else value


def check(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check a configuration against a JSON schema.

    Raises
    ------
    ConfigurationError : with a line for each fault: key path, what was given, what is allowed.
    """
    faults: dict[str, str] = {}
    for fault in (*_not_finite(config), *_faults(config, schema)):
        faults.setdefault(fault.split(":")[0], fault)  # one line for each key
    if faults:
        raise ConfigurationError("\n".join(faults.values()))


def blocks(config: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """The figures' blocks: figure -> table -> source -> settings."""
    return {
        figure: {
            table: {name: block for name, block in given.items() if name != "experiment"}
            for table, given in tables.items()
        }
        for figure, tables in config.items()
        if figure.startswith("fig")
    }


def experiments(config: Mapping[str, Any]) -> dict[str, str]:
    """What computes each table: the experiment that its block names, else that of its own name."""
    return {
        table: given.get("experiment", table)
        for figure, tables in config.items()
        if figure.startswith("fig")
        for table, given in tables.items()
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        value = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 text; save it as UTF-8") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = " ".join(str(error).split())
        raise ConfigurationError(f"{path}: not YAML ({where})") from error
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path}: got {value!r}; allowed: a block of keys and values")
    return value


def _whole(_: Any, value: Any) -> bool:
    """JSON Schema takes 20.0 for an integer, which Python does not."""
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _whole),
)


def _faults(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    for error in _Validator(schema).iter_errors(config):
        yield from _explain(error, schema.get("$defs", {}))


def _explain(error: ValidationError, kinds: Mapping[str, Any]) -> Iterator[str]:
    """The fault in words; `description` in the schema says what is allowed."""
    if error.validator in ("anyOf", "oneOf") and error.context:
        deepest = max(error.context, key=lambda inner: len(inner.absolute_path))
        if len(deepest.absolute_path) > len(error.absolute_path):
            yield from _explain(deepest, kinds)
            return
    key = ".".join(str(part) for part in error.absolute_path) or "the configuration"
    known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
    if error.validator == "additionalProperties":
        for name in error.instance:
            if name not in known:
                yield f"{_join(error, name)}: unknown key; allowed: {', '.join(sorted(known))}"
    elif error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                kind = known[name]
                allowed = kinds.get(kind.get("$ref", "").split("/")[-1], kind)["description"]
                yield f"{_join(error, name)}: missing; allowed: {allowed}"
    else:
        allowed = error.schema.get("description") or error.message
        if error.validator == "maxItems":
            allowed += f", at most {error.validator_value}"
        yield f"{key}: got {_shown(error.instance)}; allowed: {allowed}{_hint(error.instance)}"


def _join(error: ValidationError, name: Any) -> str:
    return ".".join(str(part) for part in [*error.absolute_path, name])


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _hint(value: Any) -> str:
    """YAML 1.1 reads 1e-3 as text."""
    if not isinstance(value, str):
        return ""
    try:
        number = float(value)
    except ValueError:
        return ""
    return f" (YAML reads this as text; write {number!r})" if math.isfinite(number) else ""


def _not_finite(value: Any, path: str = "") -> Iterator[str]:
    """NaN and infinity pass a JSON schema's comparisons, and belong nowhere."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _not_finite(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _not_finite(item, f"{path}.{i}")
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path}: got {value!r}; allowed: a finite number"
