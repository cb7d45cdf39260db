"""What a job is said to need against what jobs took: measured.json has the tables of a default
run (their largest peak of memory, and the seconds of all jobs together) and some larger jobs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modecollapse.experiments.size import memory, seconds
from modecollapse.pipeline.compute import settings_of

MEASURED = json.loads((Path(__file__).parent / "measured.json").read_text(encoding="utf-8"))
TIMED = [job for job in MEASURED if (job["seconds"] or 0) >= 5]


def settings(job, **changes):
    """A measured job's settings as its experiment takes them."""
    return settings_of(job["experiment"], job["source"], job["settings"] | changes)


def named(job) -> str:
    return f"{job['experiment']}.{job['source']}"


@pytest.mark.parametrize("job", MEASURED, ids=named)
def test_memory_is_that_of_the_job(job):
    assert 0.75 < memory(settings(job)) / (1e6 * job["megabytes"]) < 1.4


@pytest.mark.parametrize("job", TIMED, ids=named)
def test_time_is_that_of_the_jobs(job):
    assert 0.4 < seconds(settings(job)) / job["seconds"] < 7


def test_the_sum_over_a_run_is_right_within_a_factor_of_two():
    said = sum(seconds(settings(job)) for job in TIMED)
    assert 0.5 < said / sum(job["seconds"] for job in TIMED) < 2


def job_of(experiment: str, source: str):
    return next(j for j in MEASURED if (j["experiment"], j["source"]) == (experiment, source))


@pytest.mark.parametrize(
    ("experiment", "source", "name", "grown"),
    [
        ("flow_grid", "flows", "steps", 10**6),
        ("flow_grid", "flows", "batch", 10**6),
        ("flow_grid", "flows", "hidden", (10**4,)),
        ("flow_grid", "flows", "couplings", (1000,)),
        ("flow_grid", "flows", "seeds", 10**5),
        ("flow_fit", "flows", "samples", 10**7),
        ("flow_tangent", "flows", "runs", 10**5),
        ("flow_annealing", "flows", "extra_steps", 10**6),
        ("validation", "simulation", "runs", 10**5),
        ("validation", "simulation", "evaluation_samples", 10**7),
        ("finite_batch", "simulation", "time", 1e6),
        ("finite_batch", "simulation", "batches", (10**6,)),
        ("annealing_map", "simulation", "most_runs", 10**5),
        ("collapse_probability", "theory", "runs", 10**6),
        ("annealing_forecast", "theory", "problems", 10**5),
        ("geometry_survival", "theory", "runs", 10**5),
        ("modes_found", "theory", "runs", 10**5),
        ("basins", "theory", "points", 5000),
        ("region_map", "theory", "points", 10**4),
    ],
)
def test_more_work_takes_longer(experiment, source, name, grown):
    job = job_of(experiment, source)
    assert seconds(settings(job, **{name: grown})) > 4 * seconds(settings(job))


def test_jobs_share_the_time_and_not_the_memory():
    whole = settings(job_of("flow_grid", "flows"))
    assert seconds(whole, 10) < 0.2 * seconds(whole)
