"""The scheduler of a run, without its burdens; Snakemake's own is tried in tests/workflow."""

from __future__ import annotations

import asyncio

from snakemake.scheduling.job_scheduler import JobScheduler

from modecollapse.pipeline.scheduler import FORGETS, lighten


class Scheduler:
    """What lighten() knows of Snakemake's."""

    def __init__(self) -> None:
        self.job_rate_limiter: object = "a limit"
        self._input_sizes: dict[str, int] = {}
        self.looked: list[list[str]] = []

    async def update_input_sizes(self, jobs):
        self.looked.append(list(jobs))
        self._input_sizes |= dict.fromkeys(jobs, 1)


def test_sizes_are_looked_up_once_for_each_job():
    scheduler = Scheduler()
    lighten(scheduler)
    for ready in (["a", "b"], ["b"], ["b", "c"], []):
        asyncio.run(scheduler.update_input_sizes(ready))
    assert scheduler.looked == [["a", "b"], ["c"]]
    assert set(scheduler._input_sizes) == {"a", "b", "c"}
    assert scheduler.job_rate_limiter is None


def test_where_sizes_are_forgotten_those_of_all_that_wait_are_looked_up():
    scheduler = Scheduler()
    lighten(scheduler)
    many = [str(number) for number in range(FORGETS // 2 + 1)]
    asyncio.run(scheduler.update_input_sizes(many))
    asyncio.run(scheduler.update_input_sizes([*many, "new"]))
    assert scheduler.looked == [many, [*many, "new"]]


def test_snakemakes_scheduler_has_what_is_replaced():
    assert asyncio.iscoroutinefunction(JobScheduler.update_input_sizes)
    assert {"job_rate_limiter", "_input_sizes"} <= {*JobScheduler.__init__.__code__.co_names}
