"""How far a run of the workflow is: a line on the terminal after each finished job.

A job is expected to take as long as it took for the reference values, in proportion to how long the
jobs that have ended took in comparison; the estimate for the whole is the work left, shared by the
jobs that run at once, but never less than the longest job left.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["Expectation", "Progress", "duration", "time_left"]

START = 2.0  # seconds that a job takes to begin and end, whatever it does between
TRUST = 0.2  # the part of a known run's work that its first jobs have to outweigh


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


def _seconds(path: Path) -> dict[str, dict[str, float]]:
    """Table -> source -> seconds; nothing where the file cannot be used, for it is but a guess."""
    try:
        tables = json.loads(path.read_text(encoding="utf-8"))["tables"]
        return {name: dict(kept["seconds"]) for name, kept in tables.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def time_left(
    expected: Mapping[int, float],
    took: Mapping[int, float],
    running: Mapping[int, float],
    at_once: int,
    trust: float = 0.0,
) -> float:
    """The seconds that a run still takes.

    Parameters
    ----------
    expected : for each job of the run, the seconds that it would take for the reference.
    took : for each finished job, the seconds that it took here.
    running : for each running job, the seconds since it began.
    at_once : how many jobs run side by side.
    trust : seconds of work that are taken to have gone as expected, before any did.

    >>> time_left({1: 10.0, 2: 10.0, 3: 10.0}, took={1: 20.0}, running={2: 5.0}, at_once=2)
    20.0
    """
    ended = sum(expected[job] for job in took)
    pace = (sum(took.values()) + trust) / (ended + trust) if ended + trust else 1.0
    left = [
        max(pace * seconds - running.get(job, 0.0), 0.0)
        for job, seconds in expected.items()
        if job not in took
    ]
    return max([sum(left) / max(1, min(at_once, len(left))), *left])


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
    """

    def __init__(
        self,
        say: Callable[[str], None],
        expected: Mapping[int, float],
        at_once: int,
        known: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._say, self._expected, self._at_once, self._clock = say, expected, at_once, clock
        self._trust = TRUST * sum(expected.values()) if known else 0.0
        self._began = clock()
        self._started: dict[int, float] = {}
        self._took: dict[int, float] = {}
        if known:
            self._say(f"{len(expected)} jobs, about {duration(self._left())} in all.")

    def emit(self, record: logging.LogRecord) -> None:
        event: Any = getattr(record, "event", None)
        if event == "job_started":
            self._started |= dict.fromkeys(record.jobs, self._clock())  # type: ignore[attr-defined]
        elif event == "job_finished":
            job = record.job_id  # type: ignore[attr-defined]
            if job in self._expected:
                self._took[job] = self._clock() - self._started.pop(job, self._clock())
        elif event == "progress" and len(self._took) < len(self._expected):
            spent = duration(self._clock() - self._began)
            self._say(f"{spent} so far, about {duration(self._left())} left.")

    def _left(self) -> float:
        now = self._clock()
        running = {job: now - since for job, since in self._started.items()}
        return time_left(self._expected, self._took, running, self._at_once, self._trust)
