"""Snakemake's scheduler without what costs it most and serves nothing here: docs/performance.md."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

__all__ = ["lighten"]

FORGETS = 10_000  # sizes of inputs, beyond which it forgets those that it is not asked for


def lighten(scheduler: Any) -> None:
    """Take two burdens from Snakemake's ``JobScheduler``, which grow with the number of jobs.

    Its limit of job starts leaves a timer behind for each finished job, which looks for work once a
    second until the run ends; nothing here needs a limit.  And whenever a job ends it looks up the
    sizes of the inputs of all that wait.  They do not change, since a job that waits has all of its
    inputs: here they are looked up once for each job.
    """
    scheduler.job_rate_limiter = None
    look, known = scheduler.update_input_sizes, set[Hashable]()

    async def update(jobs: Iterable[Hashable]) -> None:
        new = [job for job in jobs if job not in known]
        known.update(new)
        if new:
            await look(jobs if len(scheduler._input_sizes) > FORGETS // 2 else new)

    scheduler.update_input_sizes = update
