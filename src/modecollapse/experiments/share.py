"""How the work of a table is shared between jobs, and how a job tells how far it is."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..checks import integer
from ..trajectory import Trajectory

__all__ = ["Share", "any_finished", "stream"]

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Share:
    """Job number `index` of `count`, with `threads` cores to use.

    `scratch` is a folder of the job's own, which is there again if the job is killed and started
    anew, and is deleted once it has ended; None where there is none.

    >>> Share(1, 2).of(["a", "b", "c"])
    ['c']
    """

    index: int = 0
    count: int = 1
    threads: int = 1
    scratch: Path | None = None

    def __post_init__(self) -> None:
        integer("count", self.count, 1)
        integer("index", self.index, 0, self.count - 1)
        integer("threads", self.threads, 1)

    def of(self, items: Sequence[T]) -> list[T]:
        """This job's contiguous part of `items`; the parts of all jobs, in order, are the whole."""
        if self.count > len(items):
            log.warning("%d jobs share %d points: some have nothing to do", self.count, len(items))
        ends = np.linspace(0, len(items), self.count + 1).round().astype(int)
        return list(items[ends[self.index] : ends[self.index + 1]])

    def checkpoint(self, work: object) -> Path | None:
        """Where a killed job finds what it had of this `work`; of other work it finds nothing.

        >>> print(Share().checkpoint("a training"))
        None
        """
        name = hashlib.sha256(repr(work).encode()).hexdigest()[:16]
        return self.scratch / f"{name}.pt" if self.scratch is not None else None

    def progress(self, items: Sequence[T]) -> Iterator[T]:
        """This job's part, one by one; logs how many are done and the estimated time left."""
        mine = self.of(items)
        start = time.monotonic()
        for done, item in enumerate(mine):
            yield item
            spent = time.monotonic() - start
            left = spent / (done + 1) * (len(mine) - done - 1)
            log.info("%d of %d done, about %.0f s left", done + 1, len(mine), left)


def any_finished(run: Trajectory, **point: object) -> bool:
    """Whether any run of a grid point finished; a point without is told of, and left out."""
    done = bool(run.finished.any())
    if not done:
        log.warning("left out %s: no run finished (%s)", point, run.message[0])
    return done


def stream(seed: int, *index: int) -> np.random.Generator:
    """The random generator of the grid point `index`, independent of how work is shared.

    >>> bool(stream(1, 2, 3).random() == stream(1, 2, 3).random())
    True
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=index))
