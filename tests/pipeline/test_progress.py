"""What is left of a run, estimated from what is known of its jobs and from how they have gone."""

from __future__ import annotations

import json
import logging

import pytest

from modecollapse.pipeline.progress import START, Expectation, Progress, duration, time_left


def test_before_anything_has_ended_the_expectation_stands():
    assert time_left({1: 30.0, 2: 10.0}, {}, {}, at_once=1) == 40.0
    assert time_left({1: 30.0, 2: 30.0}, {}, {}, at_once=2) == 30.0


def test_the_longest_job_bounds_what_cores_can_do():
    assert time_left({1: 30.0, 2: 10.0, 3: 10.0}, {}, {}, at_once=16) == 30.0


def test_a_slower_machine_shows_in_the_jobs_that_have_ended():
    expected = dict.fromkeys(range(4), 10.0)
    assert time_left(expected, {0: 20.0, 1: 20.0}, {}, at_once=2) == 20.0


def test_trust_keeps_one_job_from_deciding_alone():
    expected = dict.fromkeys(range(100), 10.0)
    first = {0: 100.0}  # say, it had to be compiled
    assert time_left(expected, first, {}, at_once=1) == 9900.0
    assert 990 < time_left(expected, first, {}, at_once=1, trust=200.0) < 1600


def test_running_jobs_count_for_what_they_have_done_and_never_below_nothing():
    assert time_left({1: 30.0}, {}, {1: 20.0}, at_once=1) == 10.0
    assert time_left({1: 30.0}, {}, {1: 50.0}, at_once=1) == 0.0


def test_a_finished_run_has_nothing_left():
    assert time_left({1: 3.0}, {1: 5.0}, {}, at_once=2) == 0.0
    assert time_left({}, {}, {}, at_once=2) == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "10 s"), (87, "90 s"), (100, "2 min"), (5000, "83 min"), (7200, "2.0 h")],
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


def write(folder, name, tables):
    text = json.dumps({"tables": {table: {"seconds": given} for table, given in tables.items()}})
    (folder / f"{name}.json").write_text(text)


def test_the_reference_tells_what_jobs_take(tmp_path):
    write(tmp_path, "default", {"a": {"theory": 80.0}, "b": {"flows": 7.0}})
    write(tmp_path, "mine", {"a": {"theory": 8.0}})
    mine, other = Expectation(tmp_path, "mine"), Expectation(tmp_path, "other")
    assert mine.known
    assert not other.known
    assert mine.seconds("a", "theory", jobs=4) == START + 2.0
    assert mine.seconds("b", "flows") == START + 7.0
    assert other.seconds("a", "theory") == START + 80.0
    assert mine.seconds("new", "theory") == mine.seconds() == START


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"tables": {"a": {}}}', '{"tables": [1]}'])
def test_a_reference_of_no_use_stops_no_run(tmp_path, content):
    (tmp_path / "default.json").write_text(content)
    assert Expectation(tmp_path, "default").seconds("a", "theory") == START


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def told(known: bool, events: list[tuple[float, str, dict]]) -> list[str]:
    """What is said of a run of two jobs of ten seconds, one after the other."""
    clock, said = Clock(), []
    progress = Progress(said.append, {1: 10.0, 2: 10.0}, 1, known, clock)
    for clock.now, event, values in events:
        values = {"event": event, **values}
        progress.handle(logging.makeLogRecord(values))
    return said


EVENTS = [
    (0.0, "job_started", {"jobs": [1]}),
    (30.0, "job_finished", {"job_id": 1}),
    (30.0, "progress", {}),
    (30.0, "job_started", {"jobs": [2]}),
    (60.0, "job_finished", {"job_id": 2}),
    (60.0, "progress", {}),
]


def test_a_line_after_each_job_but_the_last():
    assert told(False, EVENTS) == ["30 s so far, about 30 s left."]


def test_a_known_run_is_estimated_at_its_start():
    assert told(True, EVENTS)[0] == "2 jobs, about 20 s in all."


def test_other_events_and_jobs_of_other_runs_are_no_matter():
    others = [(1.0, None, {}), (2.0, "error", {}), (3.0, "job_finished", {"job_id": 9})]
    assert told(False, [*others, *EVENTS]) == told(False, EVENTS)


def test_a_job_that_is_tried_again_counts_from_its_last_start():
    again = [EVENTS[0], (20.0, "job_started", {"jobs": [1]}), *EVENTS[1:3]]
    assert told(False, again) == ["30 s so far, about 10 s left."]
