"""Random valid blocks of a configuration, drawn from the schema, small enough to be computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

# What decides how long a block takes: the most that is drawn.  All else comes from its whole range.
MOST: Mapping[str, float] = {
    **dict.fromkeys(("runs", "seeds", "ensemble", "problems"), 3),
    **dict.fromkeys(("bias_runs", "spread_runs", "floor_runs"), 4),
    **dict.fromkeys(("steps", "anneal_steps", "extra_steps", "logs", "log_every"), 12),
    **dict.fromkeys(("points", "bins"), 6),
    **dict.fromkeys(("batch", "batches", "samples", "evaluation_samples"), 32),
    **dict.fromkeys(("dimension", "dimensions", "architecture_dimension"), 9),
    **dict.fromkeys(("couplings", "architecture_couplings", "depth", "depths"), 3),
    **dict.fromkeys(("hidden", "n_modes", "components"), 4),
    **dict.fromkeys(("time", "times", "floor_time", "extra_time", "anneal_time", "rest"), 2.0),
    **dict.fromkeys(("eta", "etas"), 30.0),
    "highest": 3.0,
    "evaluations": 5000,
    "slowest": 20.0,
    "starts": 8,
}
LEAST: Mapping[str, float] = {
    **dict.fromkeys(("step_size", "step_sizes"), 0.1),
    "rtol": 1e-6,
    "time": 0.1,
    "times": 0.1,
    "floor_time": 0.4,
}


def blocks(schema: Mapping[str, Any], like: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Blocks of settings by their schema: those of `like` with some drawn anew."""
    like = {name: small(name, value) for name, value in like.items() if name != "jobs"}
    drawn = {
        name: value(name, kind)
        for name, kind in schema["properties"].items()
        if name not in ("jobs", "device", "targets")
    }
    return st.sets(st.sampled_from(sorted(drawn)), min_size=1, max_size=3).flatmap(
        lambda names: st.fixed_dictionaries(
            {name: drawn[name] if name in names else st.just(like[name]) for name in like}
        )
    )


def small(name: str, given: Any) -> Any:
    """A setting of a configuration, made as small as what is drawn; a list stays as long."""
    most = MOST.get(name)
    if most is None or isinstance(given, str):
        return given
    if not isinstance(given, list):
        return min(given, most)
    if isinstance(given[0], str) or max(given) <= most:
        return given
    if isinstance(given[0], int):
        return [int(most) - len(given) + 1 + i for i in range(len(given))]
    return [most * (i + 1) / len(given) for i in range(len(given))]


def smallest(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with every setting as small as what is drawn."""
    return {
        name: smallest(below) if isinstance(below, Mapping) else small(name, below)
        for name, below in config.items()
    }


def value(name: str, kind: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values of one setting."""
    if "enum" in kind:
        return st.sampled_from(kind["enum"])
    if kind["type"] == "array":
        most = max(kind.get("minItems", 1), min(3, kind["maxItems"]))
        return st.lists(
            value(name, kind["items"]),
            min_size=kind.get("minItems", 1),
            max_size=most,
            unique=kind.get("uniqueItems", False),
        )
    low = kind.get("minimum", kind.get("exclusiveMinimum"))
    high = kind.get("maximum", kind.get("exclusiveMaximum"))
    open_low = "exclusiveMinimum" in kind and name not in LEAST
    open_high = "exclusiveMaximum" in kind and name not in MOST
    low, high = max(low, LEAST.get(name, low)), min(high, MOST.get(name, high))
    if kind["type"] == "integer":
        return st.integers(int(low), int(high))
    return st.floats(low, high, exclude_min=open_low, exclude_max=open_high)
