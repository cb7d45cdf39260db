"""How far a run of the workflow is: a line on the terminal after each finished job.

A job is expected to take as long as it took for the reference values, in proportion to how long
the jobs that ended of late took in comparison; the estimate for the whole is the work left, shared
by the jobs that run at once, but never less than the longest job left.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..store import StoreError, read_json

__all__ = ["Expectation", "Progress", "duration", "pace", "time_left"]

START = 2.0  # seconds that a job takes to begin and end, whatever it does between
TRUST = 0.2  # the part of a known run's work that its first jobs have to outweigh
HALF = 180.0  # seconds after which a finished job counts half for the pace, at least
RECENT = 0.125  # the same as a part of a long run


class Expectation:
    """What the jobs of a configuration will take, from the reference values in `folder`.

    Where it has none of its own, those of the default stand in: only their proportions are used.
    """

    def __init__(self, folder: Path, name: str) -> None:
        own, default = _seconds(folder / f"{name}.json"), _seconds(folder / "default.json")
        self.known = bool(own)
        self._tables = {**default, **own}

    def seconds(self, table: str = "", source: str = "", jobs: int = 1) -> float:
        """The time of one of the `jobs` that compute what a table has from a source; without a
        table, of a job that joins or draws."""
        return START + self._tables.get(table, {}).get(source, 0.0) / jobs

    def together(self, tables: Iterable[str], source: str) -> float:
        """The time of a job that computes what several tables have from a source."""
        return START + sum(self.seconds(table, source) - START for table in tables)


def _seconds(path: Path) -> dict[str, dict[str, float]]:
    """Table -> source -> seconds; nothing where the file cannot be used, for it is but a guess."""
    try:
        tables = read_json(path)["tables"]
        return {name: dict(kept["seconds"]) for name, kept in tables.items()}
    except (StoreError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def pace(
    ended: Iterable[tuple[float, float, float]],
    running: Iterable[tuple[float, float]] = (),
    trust: float = 0.0,
    half: float = HALF,
) -> float:
    """How many times longer than expected jobs take, of late.

    Parameters
    ----------
    ended : for each finished job, its expected seconds, those it took, and those since its end;
        it counts half after each `half` of these.
    running : for each running job, its expected seconds and those since it began.  One that takes
        longer than the pace foretells counts as if it ended now, so that a run that has become
        slower is noticed before its jobs end.
    trust : seconds of work that are taken to have gone as expected, before any did.

    >>> pace([(10.0, 20.0, 0.0), (10.0, 10.0, HALF)])
    1.6666666666666667
    """
    weighted = [(0.5 ** (ago / half), expected, took) for expected, took, ago in ended]
    took = trust + sum(weight * seconds for weight, _, seconds in weighted)
    due = trust + sum(weight * seconds for weight, seconds, _ in weighted)
    for expected, since in sorted(running, key=lambda job: job[1] / job[0], reverse=True):
        if since > expected * (took / due if due else 1.0):
            took, due = took + since, due + expected
    return took / due if due else 1.0


def time_left(
    left: Mapping[int, float], running: Mapping[int, float], at_once: int, pace: float = 1.0
) -> float:
    """The seconds that a run still takes.

    Parameters
    ----------
    left : for each job that has not ended, the seconds that it is expected to take.
    running : for each running job, the seconds since it began.
    at_once : how many jobs run side by side.
    pace : how many times longer than expected jobs take.

    >>> time_left({2: 10.0, 3: 10.0}, running={2: 5.0}, at_once=2, pace=2.0)
    20.0
    """
    seconds = [max(pace * due - running.get(job, 0.0), 0.0) for job, due in left.items()]
    return max([sum(seconds) / max(1, min(at_once, len(seconds))), *seconds])


def duration(seconds: float) -> str:
    """A duration in words, no more exact than an estimate can be.

    >>> duration(42), duration(700), duration(20000)
    ('40 s', '12 min', '5.6 h')
    """
    if seconds < 95:
        return f"{max(10, round(seconds, -1)):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Progress(logging.Handler):
    """Listens to Snakemake's events and says, after each finished job, what is left of the run.

    Parameters
    ----------
    say : prints a line, unless the user wants quiet.
    expected : for each job, by Snakemake's number, the seconds that it is expected to take.
    at_once : how many jobs run side by side.
    known : whether the expectation is of this very configuration.
    figures : for each job that draws a figure, the figure's name, in the order of the paper.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        expected: Mapping[int, float],
        at_once: int,
        known: bool,
        figures: Mapping[int, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._say, self._expected, self._at_once, self._clock = say, expected, at_once, clock
        self._figures = figures or {}
        self._trust = TRUST * sum(expected.values()) if known else 0.0
        self._began = clock()
        self._started: dict[int, float] = {}
        self._ended: dict[int, tuple[float, float]] = {}  # job -> seconds taken, time of its end
        if known:
            said = f"{len(expected)} jobs, about {duration(self._left())} in all"
            self._say(f"{said}{self._next()}.")

    def emit(self, record: logging.LogRecord) -> None:
        event: Any = getattr(record, "event", None)
        if event == "job_started":
            self._started |= dict.fromkeys(record.jobs, self._clock())  # type: ignore[attr-defined]
        elif event == "job_finished":
            job, now = record.job_id, self._clock()  # type: ignore[attr-defined]
            if job in self._expected:
                self._ended[job] = (now - self._started.pop(job, now), now)
        elif event == "progress" and len(self._ended) < len(self._expected):
            spent = duration(self._clock() - self._began)
            self._say(f"{spent} so far, about {duration(self._left())} left{self._next()}.")

    def _left(self) -> float:
        now, due = self._clock(), self._expected
        running = {job: now - since for job, since in self._started.items() if job in due}
        ended = [(due[job], took, now - end) for job, (took, end) in self._ended.items()]
        half = max(HALF, RECENT * (now - self._began))
        trust = self._trust * 0.5 ** ((now - self._began) / half)
        here = pace(ended, [(due[job], since) for job, since in running.items()], trust, half)
        left = {job: seconds for job, seconds in due.items() if job not in self._ended}
        return time_left(left, running, self._at_once, here)

    def _next(self) -> str:
        """The figure that is drawn next, where one is."""
        names = (name for job, name in self._figures.items() if job not in self._ended)
        return f"; next {name}" if (name := next(names, "")) else ""
