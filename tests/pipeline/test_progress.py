"""What is left of a run, estimated from what is known of its jobs and from how they have gone."""

from __future__ import annotations

import json
import logging

import pytest

from modecollapse.pipeline.progress import (
    HALF,
    START,
    Expectation,
    Progress,
    duration,
    pace,
    time_left,
)


def test_before_anything_has_ended_the_expectation_stands():
    assert pace([]) == 1.0
    assert time_left({1: 30.0, 2: 10.0}, {}, at_once=1) == 40.0
    assert time_left({1: 30.0, 2: 30.0}, {}, at_once=2) == 30.0


def test_the_longest_job_bounds_what_cores_can_do():
    assert time_left({1: 30.0, 2: 10.0, 3: 10.0}, {}, at_once=16) == 30.0


def test_a_slower_machine_shows_in_the_jobs_that_have_ended():
    assert pace([(10.0, 20.0, 0.0), (10.0, 20.0, 60.0)]) == 2.0
    assert time_left({2: 10.0, 3: 10.0}, {}, at_once=2, pace=2.0) == 20.0


def test_what_ended_of_late_counts_more():
    fast, slow = (10.0, 10.0), (10.0, 40.0)
    assert pace([(*fast, HALF), (*slow, 0.0)]) == pytest.approx(3.0)
    assert pace([(*fast, 0.0), (*slow, HALF)]) == pytest.approx(2.0)
    assert pace([(*fast, 100 * HALF), (*slow, 0.0)]) == pytest.approx(4.0)
    assert pace([(*fast, HALF), (*slow, 0.0)], half=2 * HALF) < 3.0


def test_a_running_job_that_is_late_shows_before_it_ends():
    ended = [(10.0, 10.0, 0.0)]
    assert pace(ended, running=[(10.0, 5.0)]) == 1.0  # nothing is known of it yet
    assert pace(ended, running=[(10.0, 70.0)]) == pytest.approx(4.0)


def test_trust_keeps_one_job_from_deciding_alone():
    first = [(10.0, 100.0, 0.0)]  # say, it had to be compiled
    assert pace(first) == 10.0
    assert 1.0 < pace(first, trust=200.0) < 1.6


def test_running_jobs_count_for_what_they_have_done_and_never_below_nothing():
    assert time_left({1: 30.0}, {1: 20.0}, at_once=1) == 10.0
    assert time_left({1: 30.0}, {1: 50.0}, at_once=1) == 0.0


def test_a_finished_run_has_nothing_left():
    assert time_left({}, {}, at_once=2) == 0.0


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
    progress = Progress(said.append, {1: 10.0, 2: 10.0}, 1, known, clock=clock)
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


def slowing(minutes: int) -> list[tuple[float, float]]:
    """Minutes into a run of 60 jobs of a minute each, one at a time, on a machine that takes three
    times as long from the twentieth on; and what was said to be left, in minutes."""
    clock, said = Clock(), []
    progress = Progress(said.append, dict.fromkeys(range(60), 60.0), 1, known=True, clock=clock)
    for job in range(60):
        events = [("job_started", {"jobs": [job]}), ("job_finished", {"job_id": job})]
        for event, values in [*events, ("progress", {})]:
            clock.now += 60.0 * (1 if job < 20 else 3) * (event == "job_finished")
            progress.handle(logging.makeLogRecord({"event": event, **values}))
    told = [line.split() for line in said[1:]]
    unit = {"s": 1 / 60, "min": 1.0, "h": 60.0}
    spent = [float(line[0]) * unit[line[1]] for line in told]
    left = [float(line[5]) * unit[line[6]] for line in told]
    return [*zip(spent, left, strict=True)]


def test_the_time_left_follows_a_machine_that_becomes_slower():
    total = 20 + 40 * 3
    for spent, left in slowing(total):
        if spent > 40:  # twenty minutes after the change
            assert left == pytest.approx(total - spent, rel=0.2, abs=4)


def test_the_figure_that_is_drawn_next_is_named_in_the_order_of_the_paper():
    clock, said = Clock(), []
    figures = {1: "fig1_a", 2: "fig2_b"}
    progress = Progress(said.append, dict.fromkeys(range(3), 10.0), 1, True, figures, clock)
    for job in (0, 1, 2):
        for event, values in (("job_finished", {"job_id": job}), ("progress", {})):
            progress.handle(logging.makeLogRecord({"event": event, **values}))
    assert [line.split("; next ")[1] for line in said] == ["fig1_a.", "fig1_a.", "fig2_b."]
