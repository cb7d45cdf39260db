"""The remedies for mixtures: what each changes in a plain descent of KL(q‖p)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from ..kinds import several

__all__ = ["MENU", "Remedies", "Remedy"]


@dataclass(frozen=True)
class Remedy:
    """A change of the plain descent: K = K* components of equal fixed weights and unit variance,
    means on the sphere of the modes, stochastic gradients.

    Parameters
    ----------
    weights : "fixed", "trained" or "afterwards" (once the target is p itself).
    variances : "fixed", or "trained" by the Bures clock, from 1/β_i where the target is annealed.
    norm, width : of the means at the start, in units of r; standard deviation of the components.
    components : K/K*.
    restarts : runs of which the one with the least KL is chosen, each a part as long.
    batch, step : factors of the batch, the steps being as many more, and of the step size.
    equal_source : samples of p are equally often from each mode, as of chains in known modes.
    """

    geometry: str = "euclidean"
    weights: str = "fixed"
    variances: str = "fixed"
    annealing: bool = False
    alpha: float = 0.0
    share: float = 0.0
    equal_source: bool = False
    norm: float = 1.0
    width: float = 1.0
    components: int = 1
    restarts: int = 1
    optimizer: str = "sgd"
    batch: float = 1.0
    step: float = 1.0

    @property
    def setting(self) -> str:
        """In words, what differs from the plain descent."""
        words = {
            f"{self.geometry} geometry": self.geometry != "euclidean",
            f"weights {self.weights}": self.weights != "fixed",
            f"variances {self.variances}": self.variances != "fixed",
            "annealed": self.annealing,
            f"α = {self.alpha:g}, self-normalised": self.alpha > 0,
            f"λ = {self.share:g}": self.share > 0,
            "samples of p equally from each mode": self.equal_source,
            f"means of norm {self.norm:g} r": self.norm != 1,
            f"width {self.width:g}": self.width != 1,
            f"K = {self.components} K*": self.components != 1,
            f"best of {self.restarts}": self.restarts != 1,
            self.optimizer: self.optimizer != "sgd",
            f"batch × {self.batch:g}": self.batch != 1,
        }
        return ", ".join(word for word, said in words.items() if said) or "equal fixed weights"


ANNEALED = {"annealing": True, "variances": "trained"}

MENU: Mapping[str, Remedy] = MappingProxyType(
    {
        "plain": Remedy(),
        "small start": Remedy(norm=0.1),
        "trained variances": Remedy(variances="trained"),
        "wide start": Remedy(variances="trained", width=3.0),
        "trained weights": Remedy(weights="trained"),
        "wasserstein": Remedy(weights="trained", geometry="wasserstein"),
        "natural": Remedy(weights="trained", geometry="natural"),
        "alpha 0.5": Remedy(alpha=0.5),
        "alpha 0.9": Remedy(alpha=0.9),
        "share 0.1": Remedy(share=0.1),
        "share 0.5": Remedy(share=0.5),
        "share 0.5, equal chains": Remedy(share=0.5, equal_source=True),
        "annealing": Remedy(**ANNEALED),  # type: ignore[arg-type]
        "annealing, weights afterwards": Remedy(weights="afterwards", **ANNEALED),  # type: ignore[arg-type]
        "annealing, weights throughout": Remedy(weights="trained", **ANNEALED),  # type: ignore[arg-type]
        "annealing, natural": Remedy(weights="trained", geometry="natural", **ANNEALED),  # type: ignore[arg-type]
        "twice the components": Remedy(components=2),
        "twice the components, natural": Remedy(
            components=2, weights="trained", geometry="natural"
        ),
        "annealing, natural, twice the components": Remedy(
            components=2,
            weights="trained",
            geometry="natural",
            **ANNEALED,  # type: ignore[arg-type]
        ),
        "best of 3": Remedy(restarts=3),
        "best of 10": Remedy(restarts=10),
        "best of 10, natural": Remedy(restarts=10, weights="trained", geometry="natural"),
        "momentum": Remedy(optimizer="momentum"),
        "adam": Remedy(optimizer="adam", step=0.25),
        "small batches": Remedy(batch=0.25),
    }
)
Remedies = Annotated[
    tuple[
        Annotated[
            Literal[
                "plain",
                "small start",
                "trained variances",
                "wide start",
                "trained weights",
                "wasserstein",
                "natural",
                "alpha 0.5",
                "alpha 0.9",
                "share 0.1",
                "share 0.5",
                "share 0.5, equal chains",
                "annealing",
                "annealing, weights afterwards",
                "annealing, weights throughout",
                "annealing, natural",
                "twice the components",
                "twice the components, natural",
                "annealing, natural, twice the components",
                "best of 3",
                "best of 10",
                "best of 10, natural",
                "momentum",
                "adam",
                "small batches",
            ],
            Field(description="a remedy of modecollapse.experiments.remedies.menu"),
        ],
        ...,
    ],
    several("a list of one or more remedies, named in modecollapse.experiments.remedies.menu"),
]
