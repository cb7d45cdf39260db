"""What is written below figure 7."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from .style import first, most, shown

__all__ = ["LEAST_REGRET", "caption"]

LEAST_REGRET = 1e-4  # drawn; the error of an estimate of KL


def caption(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the panels show, with the numbers at the last time and at the largest separation."""
    survival, waits = tables["geometry_survival"], tables["geometry_waits"]
    births, runs = tables["objective_births"], tables["objective_runs"]
    here = survival[survival["separation"] == survival["separation"].min()]
    end = here[here["time"] == here["time"].max()].set_index("geometry")
    part = end["probability"].to_dict()
    arriving = waits[(waits["start"] == "one at its mode") & waits["recovered"].astype(bool)]
    far = arriving[arriving["separation"] == arriving["separation"].max()]
    wait = far.set_index("geometry")["time"].to_dict()
    solved = births[births["source"] == "theory"]
    alphas = solved[solved["objective"] == "alpha"].nlargest(1, "strength")
    none = float("nan")
    return (
        f"(a) Part of {shown(first(survival, 'n_runs'), 'g')} starts on the sphere of radius r "
        f"that is collapsed at a time, weights trained, "
        f"d = {shown(first(survival, 'dimension'), 'g')}, "
        f"π = {shown(first(survival, 'target_weight'), 'g')}; bands: 95 % Wilson intervals, "
        f"dashed: by vanishing weight. At t = {shown(first(end, 'time'), 'g')} "
        f"and r = {shown(first(end, 'separation'), 'g')} "
        f"{shown(part.get('euclidean', none), '.3f')} is collapsed in the Euclidean geometry, "
        f"{shown(part.get('natural', none), '.3f')} in the natural one. (b) Time to recover at "
        f"η = {shown(first(waits, 'eta'), 'g')}. Filled: from one component at its mode and the "
        f"other not moved yet (at r = {shown(first(far, 'separation'), 'g')}: Euclidean "
        f"{shown(wait.get('euclidean', none), '.2g')}, natural "
        f"{shown(wait.get('natural', none), '.2g')}); open: from the state that is collapsed "
        f"at fixed weights. What takes longer than the horizon is not shown. (c) The separation "
        f"at which collapse is born with equal fixed weights; "
        f"{shown(first(alphas, 'separation'), '.3f')} at "
        f"α = {shown(first(alphas, 'strength'), 'g')}; dotted: Eq. 14.14. Marks: "
        f"{shown(first(runs, 'n_runs'), 'g')} runs each of gradient flow to "
        f"t = {shown(first(runs, 'time'), 'g')} (circles: α, triangles: λ), filled where any is "
        f"collapsed at the end.{_without_state(runs)} {_scale(tables)}"
    )


def _scale(tables: Mapping[str, pd.DataFrame]) -> str:
    """What panels (d) to (m) show."""
    batches, remedies = tables["objective_batches"], tables["remedies"]
    mixtures = remedies[remedies["source"] == "simulation"]
    flows = remedies[remedies["source"] == "flow"]
    return (
        f"(d) The largest separation (steps of {shown(first(batches, 'resolution'), 'g')}) from "
        f"which at least half of {shown(batches['n_runs'].min(), 'g')} to "
        f"{shown(batches['n_runs'].max(), 'g')} runs have left the "
        f"collapsed state by t = {shown(first(batches, 'time'), 'g')} when D_α is followed with so "
        f"many samples of q a step, self-normalised and without the score of q unless said "
        f"otherwise (the same in every d then); bars: from where surely more than half leave to "
        f"where surely less do (95 % Wilson); "
        f"black: the critical separation, dashed: gradient flow by that time. (e-g) Regret of "
        f"every remedy (circles: mixtures) when "
        f"{shown(most(mixtures, 'cost'), '.3g')} evaluations of log p are paid, "
        f"means over {shown(first(mixtures, 'n_runs'), 'g')} runs with 95 % intervals; open: no "
        f"run is collapsed; what is below {LEAST_REGRET:g} is drawn there. Squares: flows, "
        f"{shown(first(flows, 'n_runs'), 'g')} runs each, at the end of their training. "
        f"d = {shown(first(mixtures, 'dimension'), 'g')}, starts on the sphere of the modes; a "
        f"sample of p costs ten evaluations. (h-j) Regret and (k-m) part collapsed against "
        f"evaluations, bands: 95 % intervals."
    )


def _without_state(runs: pd.DataFrame) -> str:
    """Which shares have no collapsed state at any separation of the marks."""
    found = runs[runs["objective"] == "share"].groupby("strength")["n_collapsed_states"].sum()
    bare = [f"{strength:g}" for strength in found[found == 0].index]
    if not bare:
        return ""
    top = shown(runs["separation"].max(), "g")
    return f" No collapsed state was found up to r = {top} at λ = {', '.join(bare)}."
