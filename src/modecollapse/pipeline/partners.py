"""What settings of different sources and tables have to share, because a figure puts one beside
the other: a value without a partner would be computed and never shown, or be shown as another's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from .faults import Fault, shown

__all__ = ["PARTNERS", "Partners", "misfits"]


class Partners(NamedTuple):
    """Settings of a source that have to be the same as those of `others`, or, where `some` is set,
    among them; sources are named ``table.source``."""

    where: str
    names: tuple[str, ...]
    others: tuple[str, ...]
    some: bool = False


TARGET = ("separation", "target_weight")
PARTNERS = (
    # The start in a dimension is drawn for its place in the list.
    Partners(
        "closed_equations.simulation",
        (*TARGET, "eta", "start_seed", "dimensions"),
        ("closed_equations.theory",),
    ),
    Partners("phase_fixed_points.theory", TARGET, ("phase_portrait.theory",)),
    Partners("collapse_formula.theory", ("separations",), ("collapse_probability.theory",), True),
    Partners(
        "collapse_probability.simulation", ("separations",), ("collapse_probability.theory",), True
    ),
    Partners(
        "mixture_collapse.theory",
        ("dimensions", "target_weights"),
        ("flow_collapse.flows", "flow_sgd.flows"),
        True,
    ),
    Partners("annealing_map.simulation", (*TARGET, "dimension"), ("annealing_map.theory",)),
    Partners(
        "annealing_formula.theory",
        (*TARGET, "dimension", "step_size"),
        ("annealing_map.theory",),
    ),
    Partners("annealing_formula.theory", ("batch",), ("annealing_map.simulation",)),
    Partners("objective_runs.theory", ("target_weight",), ("objective_births.theory",)),
    Partners("finite_batch.simulation", (*TARGET, "time"), ("finite_batch.theory",)),
    Partners("mixture_weight.theory", ("separations", "dimensions"), ("flow_weight.flows",), True),
)


def misfits(
    figures: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]],
) -> Iterator[Fault]:
    """A fault for each setting that has no partner where its figure needs one.

    Parameters
    ----------
    figures : figure -> table -> source -> settings; what is not there is not asked for.
    """
    found = {
        f"{table}.{source}": ((figure, table, source), block)
        for figure, tables in figures.items()
        for table, sources in tables.items()
        for source, block in sources.items()
    }
    for asked in PARTNERS:
        others = [found[name][1] for name in asked.others if name in found]
        if asked.where in found and others:
            path, block = found[asked.where]
            for name in asked.names:
                if what := _misfit(block[name], [other[name] for other in others], asked):
                    yield Fault((*path, name), what)


def _misfit(given: Any, others: list[Any], asked: Partners) -> str:
    """What is wrong with a value; nothing where it has its partners."""
    if asked.some:
        known = list(dict.fromkeys(chain.from_iterable(others)))
        fits = set(given) <= set(known)
        allowed = f"some of those of {' and '.join(asked.others)}, {shown(known)}"
    else:
        fits = given == others[0]
        allowed = f"{shown(others[0])}, as in {asked.others[0]}"
    return "" if fits else f"got {shown(given)}; allowed: {allowed}"
