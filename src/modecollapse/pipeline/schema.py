"""The JSON schema of configurations, from the annotations of every experiment's ``Settings``.

``modecollapse schema`` writes it to ``workflow/schema.json``, for editors and for the check of a
configuration.  A configuration is laid over ``config.yaml``, so that no key of it is required.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from ..experiments.kinds import Jobs
from . import configuration
from .compute import module_name

__all__ = ["generated", "text"]

NAME = {
    "type": "string",
    "pattern": r"^[a-z][a-z0-9_-]{0,40}$(?!\n)",
    "not": {"enum": ["parts", "report"]},
    "description": "a short name of lower-case letters, digits, - and _, a letter first"
    " (outputs go below it)",
}


LIMITS = {
    "type": "object",
    "description": "a block of limits",
    "properties": {
        name: {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1e5,
            "description": f"a number > 0, the {what} that a job may need",
        }
        for name, what in (("memory", "GiB of memory"), ("hours", "hours on one core"))
    },
    "additionalProperties": False,
}


class _Untitled(GenerateJsonSchema):
    """No titles, which would but repeat the keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def text(config: Mapping[str, Any]) -> str:
    """The schema as it is written to a file."""
    return json.dumps(generated(config), indent=1, ensure_ascii=False) + "\n"


def generated(config: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of every configuration with the figures, tables and sources of `config`."""
    named = configuration.experiments(config)
    figures = {
        figure: _block(
            {table: _table(table, named[table], sources) for table, sources in tables.items()},
            "tables by name",
        )
        for figure, tables in configuration.blocks(config).items()
    }
    kinds = {
        _kind(named[table], source): _settings(named[table], source)
        for tables in configuration.blocks(config).values()
        for table, sources in tables.items()
        for source in sources
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_block({"name": NAME, "limits": LIMITS, **figures}, "a name, and a block a figure"),
        "$defs": {"jobs": TypeAdapter(Jobs).json_schema(schema_generator=_Untitled), **kinds},
    }


def _table(table: str, experiment: str, sources: Mapping[str, Any]) -> dict[str, Any]:
    """The sources of a table, and its experiment, which an overlay cannot change."""
    found = {source: {"$ref": f"#/$defs/{_kind(experiment, source)}"} for source in sources}
    named = {"experiment": {"const": experiment, "description": experiment}}
    return _block({**(named if experiment != table else {}), **found}, "sources by name")


def _kind(experiment: str, source: str) -> str:
    return f"{experiment}.{source}"


def _settings(experiment: str, source: str) -> dict[str, Any]:
    """The settings of a source, from its dataclass, and its number of jobs."""
    settings = import_module(module_name(experiment, source)).Settings
    fields = TypeAdapter(settings).json_schema(schema_generator=_Untitled)["properties"]
    return _block({"jobs": {"$ref": "#/$defs/jobs"}, **fields}, "settings")


def _block(properties: Mapping[str, Any], description: str) -> dict[str, Any]:
    """A mapping with no other keys than these."""
    return {
        "type": "object",
        "description": f"a block of {description}",
        "properties": dict(properties),
        "additionalProperties": False,
    }
