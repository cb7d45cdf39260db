"""Read and check a configuration before any job: one message names the key, value and remedy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..experiments.size import memory, points, seconds
from . import partners
from .compute import agree, settings_of
from .faults import ConfigurationError, Fault, faults, joined, shown
from .strict_yaml import read_value, read_yaml

__all__ = [
    "SCHEMA",
    "ConfigurationError",
    "blocks",
    "check",
    "check_words",
    "drawn_together",
    "experiments",
    "load",
    "merge",
    "read",
    "schema",
    "shared",
]

SHARED = "shared"  # a block's `jobs` where its figure's blocks are computed in one process
SCHEMA = Path("workflow", "schema.json")  # in the repository; `modecollapse schema` writes it


def read(
    root: Path, files: Sequence[Path | str] = (), given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The configuration of a run, checked: the one road for workflow and commands.

    Parameters
    ----------
    root : the repository; its ``config.yaml`` is what everything else is laid over.
    files : configuration files, each laid over those before it.
    given : what Snakemake's ``--config`` names, or the ``config:`` of a module, laid over them.

    Raises
    ------
    ConfigurationError : with a line for each fault: key path, what was given, what is allowed.
    """
    layers = [(str(path), read_yaml(Path(path))) for path in files]
    config = read_yaml(root / "config.yaml")
    for _, layer in layers:
        config = merge(config, layer)
    last = {name: _said(name, value) for name, value in (given or {}).items()}
    if merge(config, last) != config:
        layers.append(("--config", last))
        config = merge(config, last)
    check(config, schema(root / SCHEMA), _unnamed(layers))
    return config


def _said(name: str, value: Any) -> Any:
    """The value of a key that ``--config`` names."""
    try:
        return read_value(value)
    except ConfigurationError as error:
        raise ConfigurationError(f"--config {shown(name)}: {error}") from None


def check_words(words: Iterable[str]) -> None:
    """Refuse on Snakemake's command line what it would drop, or change, without a word: of a key
    that is given twice by ``--config`` all but the last, and the 20 that it makes of 2_0.

    Raises
    ------
    ConfigurationError : naming the key.

    >>> check_words(["--cores", "2", "--config", "name=a", "--", "figures/a=b"])
    """
    inside, given = False, set[str]()
    for word in words:
        name, text = _option(word)
        inside = (inside and name is None) or name in ("--config", "-C")
        key, equals, value = text.partition("=")
        if inside and equals:
            if key in given:
                raise ConfigurationError(f"--config {shown(key)}: given twice; allowed: once")
            given.add(key)
            _said(key, value)


def _option(word: str) -> tuple[str | None, str]:
    """The option that a word of a command line begins, None where it begins none, and the rest."""
    if word.startswith("--"):
        name, _, rest = word.partition("=")
        return name, rest
    return (word[:2], word[2:]) if word.startswith("-") else (None, word)


def _unnamed(layers: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Fault]:
    """A fault for what is laid over config.yaml and would write where that does."""
    allowed = "a name other than default, below which the outputs go"
    for where, layer in layers:
        if "name" not in layer:
            yield Fault(("name",), f"missing in {where}; allowed: {allowed}")
        elif layer["name"] == "default":
            yield Fault(("name",), f"got 'default' in {where}; allowed: {allowed}")


def load(paths: Iterable[Path | str]) -> dict[str, Any]:
    """Read configuration files and lay each over those before it, unchecked.

    Raises
    ------
    ConfigurationError : naming the file, and what is wrong with it.
    """
    whole: dict[str, Any] = {}
    for path in paths:
        whole = merge(whole, read_yaml(Path(path)))
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


def schema(path: Path) -> dict[str, Any]:
    """The JSON schema in a file, every key of each block required: a whole configuration's."""
    return dict(_complete(json.loads(path.read_text(encoding="utf-8"))))


def _complete(part: Any) -> Any:
    if isinstance(part, list):
        return [_complete(item) for item in part]
    if not isinstance(part, dict):
        return part
    whole = {name: _complete(value) for name, value in part.items()}
    if part.get("additionalProperties") is False:
        whole["required"] = list(part["properties"])
    return whole


def check(
    config: Mapping[str, Any], schema: Mapping[str, Any], others: Iterable[Fault] = ()
) -> None:
    """Check a whole configuration: each value by the schema, then what has to go together.

    Parameters
    ----------
    others : faults that are known already, told with those of the values.

    Raises
    ------
    ConfigurationError : with a line for each fault: key path, what was given, what is allowed.
    """
    found = joined([*others, *faults(config, schema)]) or joined(_misfits(config))
    found = found or joined(partners.misfits(blocks(config)))
    if found:
        raise ConfigurationError(found)


def _misfits(config: Mapping[str, Any]) -> Iterator[Fault]:
    """What does not go together within a block, or between a table's; its experiment knows."""
    named = experiments(config)
    for figure, tables in blocks(config).items():
        for table, sources in tables.items():
            settings = {}
            for source, block in sources.items():
                path = (figure, table, source)
                try:
                    settings[source] = settings_of(named[table], source, block)
                except ValueError as error:
                    yield _fault(path, error)
                else:
                    yield from _too_large(path, settings[source], block["jobs"], config["limits"])
            if len(settings) == len(sources):
                try:
                    agree(named[table], settings)
                except ValueError as error:
                    yield _fault((figure, table), error)


def _too_large(
    path: tuple[str, ...], settings: Any, jobs: int, limits: Mapping[str, float]
) -> Iterator[Fault]:
    """Faults where a job of these settings would need more than the limits: GiB, and hours."""
    needs = {
        "memory": (memory(settings) / 2**30, "GiB", "of memory", "make less of it"),
        "hours": (seconds(settings, jobs) / 3600, "h", "a job", "make less of it, or more jobs"),
    }
    for name, (needed, unit, of, remedy) in needs.items():
        if needed > limits[name]:
            most = f"at most limits.{name} = {limits[name]:g} {unit}"
            said = f"needs about {needed:.3g} {unit} {of}; allowed: {most}"
            yield Fault(path, f"{said}; {remedy}, or raise that limit")
    if jobs > (enough := points(settings)):
        yield Fault((*path, "jobs"), f"got {jobs}; allowed: at most {enough}, for so few points")


def _fault(path: tuple[str, ...], error: ValueError) -> Fault:
    """An error ``setting: what`` of the block at a path, the setting's path within it dotted."""
    setting, _, what = str(error).partition(": ")
    return Fault((*path, *setting.split(".")), what)


def blocks(config: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """The figures' blocks: figure -> table -> source -> settings; one that shares a process has one
    job."""
    return {
        figure: {
            table: {
                name: {**block, "jobs": 1} if block.get("jobs") == SHARED else block
                for name, block in given.items()
                if name != "experiment"
            }
            for table, given in tables.items()
        }
        for figure, tables in config.items()
        if figure.startswith("fig")
    }


def shared(config: Mapping[str, Any]) -> dict[tuple[str, str], list[str]]:
    """The tables that share a process: (figure, source) -> tables.

    >>> shared({"fig1_a": {"t": {"theory": {"jobs": "shared"}, "flows": {"jobs": 1}}}})
    {('fig1_a', 'theory'): ['t']}
    """
    found: dict[tuple[str, str], list[str]] = {}
    for figure, tables in config.items():
        if figure.startswith("fig"):
            for table, given in tables.items():
                for source, block in given.items():
                    if source != "experiment" and block.get("jobs") == SHARED:
                        found.setdefault((figure, source), []).append(table)
    return found


def drawn_together(config: Mapping[str, Any], most: int = 4) -> list[list[str]]:
    """The figures that share a process: those of which every block does, at most so many in one.

    >>> small = {"t": {"theory": {"jobs": "shared"}}}
    >>> drawn_together({"fig1_a": small, "fig2_b": {"t": {"theory": {"jobs": 2}}}, "fig3_c": small})
    [['fig1_a', 'fig3_c']]
    """
    small = [
        figure
        for figure, tables in config.items()
        if figure.startswith("fig")
        and all(
            block.get("jobs") == SHARED
            for given in tables.values()
            for source, block in given.items()
            if source != "experiment"
        )
    ]
    found = [small[first : first + most] for first in range(0, len(small), most)]
    return [figures for figures in found if len(figures) > 1]


def experiments(config: Mapping[str, Any]) -> dict[str, str]:
    """What computes each table: the experiment that its block names, else that of its own name."""
    return {
        table: given.get("experiment", table)
        for figure, tables in config.items()
        if figure.startswith("fig")
        for table, given in tables.items()
    }
