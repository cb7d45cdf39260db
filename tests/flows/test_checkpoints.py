"""A killed training goes on from its checkpoint and ends in the same bits."""

import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from modecollapse.flows import FlowSettings, train
from modecollapse.flows.ensemble import Ensemble
from modecollapse.schedules import Adaptive, Exponential
from modecollapse.store import StoreError
from modecollapse.targets import BimodalTarget

TARGET = BimodalTarget(separation=2.0, dimension=3)
SETTINGS = FlowSettings(
    seeds=5,
    ensemble_size=3,
    couplings=2,
    hidden=8,
    steps=30,
    batch=32,
    log_every=7,
    evaluation_samples=64,
    projection_samples=8,
    device="cpu",
)


def assert_same(a, b):
    assert a.statistics.keys() == b.statistics.keys()
    for name in a.statistics:
        assert np.array_equal(a.statistics[name], b.statistics[name], equal_nan=True), name
    for name in a.diagnostics:
        assert np.array_equal(a.diagnostics[name], b.diagnostics[name]), name
    assert a.outcome.tolist() == b.outcome.tolist()
    assert a.message == b.message


class Killed(BaseException):
    pass


def kill_after(steps, monkeypatch):
    """Let the next training die at its step number `steps`, over all its ensembles."""
    step, taken = Ensemble.step, 0

    def counting(self, loss):
        nonlocal taken
        if taken == steps:
            raise Killed
        taken += 1
        step(self, loss)

    monkeypatch.setattr(Ensemble, "step", counting)


@pytest.mark.parametrize("at", [3, 10, 21, 29, 31, 45, 59])
def test_a_killed_training_ends_as_an_undisturbed_one(at, tmp_path, monkeypatch):
    undisturbed = train(TARGET, SETTINGS)
    path = tmp_path / "checkpoint.pt"
    with monkeypatch.context() as patched:
        kill_after(at, patched)
        with pytest.raises(Killed):
            train(TARGET, SETTINGS, checkpoint=path, checkpoint_every=5)
    assert path.exists() == (at >= 5)
    with monkeypatch.context() as patched:
        kill_after(60 - at + 5, patched)  # it must not begin again from the start
        assert_same(train(TARGET, SETTINGS, checkpoint=path, checkpoint_every=5), undisturbed)


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": Exponential(0.1, 20)},
        {"schedule": Adaptive(0.2, 0.6, 0.1)},
        {"architecture": "maf"},
        {"learning_rate_schedule": "cosine"},
        {"learning_rate": 1e30},
        {"dtype": "float64"},
    ],
    ids=lambda changes: next(iter(changes)) + " " + str(next(iter(changes.values())))[:8],
)
def test_whatever_the_settings(changes, tmp_path, monkeypatch):
    settings = replace(SETTINGS, **changes)
    path = tmp_path / "checkpoint.pt"
    with monkeypatch.context() as patched:
        kill_after(17, patched)
        with pytest.raises(Killed):
            train(TARGET, settings, checkpoint=path, checkpoint_every=4)
    assert_same(train(TARGET, settings, checkpoint=path), train(TARGET, settings))


def test_a_process_killed_for_real(tmp_path):
    path, log = tmp_path / "checkpoint.pt", tmp_path / "log"
    settings = replace(SETTINGS, steps=600, log_every=200)
    program = (
        "from pathlib import Path\n"
        "from modecollapse.flows import FlowSettings, train\n"
        "from modecollapse.targets import BimodalTarget\n"
        "from modecollapse.schedules import NoAnnealing\n"
        f"train({TARGET!r}, {settings!r}, checkpoint={str(path)!r}, checkpoint_every=20)\n"
    )
    with log.open("w") as output:
        process = subprocess.Popen([sys.executable, "-c", program], stderr=output)
        deadline = time.monotonic() + 60
        while not path.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL, log.read_text()
    content = torch.load(path, weights_only=True)  # whole, although the process was killed
    assert content["state"]["running"]["time"] < 600
    shorter = train(TARGET, settings, checkpoint=path, checkpoint_every=1000)
    assert_same(shorter, train(TARGET, settings))


def test_a_finished_training_is_read_back(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    first = train(TARGET, SETTINGS, checkpoint=path)
    kill_after(0, monkeypatch)
    assert_same(train(TARGET, SETTINGS, checkpoint=path), first)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("steps", {"steps": 31}),
        ("seed", {"seed": 1}),
        ("first_seed", {"first_seed": 5}),
        ("hidden", {"hidden": 16}),
        ("direction", {"direction": "axis"}),
        ("schedule", {"schedule": Exponential(0.1, 20)}),
        ("ensemble_size", {"ensemble_size": 5}),
        ("dtype", {"dtype": "float64"}),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(name, changes, tmp_path):
    path = tmp_path / "checkpoint.pt"
    train(TARGET, SETTINGS, checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"checkpoint\.pt: {name}: got .* as asked for now"):
        train(TARGET, replace(SETTINGS, **changes), checkpoint=path)
    assert path.read_bytes() == before


def test_a_checkpoint_of_another_target_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    train(TARGET, SETTINGS, checkpoint=path)
    with pytest.raises(ValueError, match=r"target dimension: got 3; allowed: 4"):
        train(replace(TARGET, dimension=4), SETTINGS, checkpoint=path)


class Malicious:
    def __reduce__(self):
        return os.mkdir, (os.environ["MALICIOUS"],)


@pytest.mark.parametrize("kind", ["garbage", "empty", "truncated", "pickle", "torch", "other"])
def test_a_file_that_is_no_checkpoint_is_refused(kind, tmp_path, monkeypatch):
    path, trace = tmp_path / "checkpoint.pt", tmp_path / "trace"
    monkeypatch.setenv("MALICIOUS", str(trace))
    if kind == "garbage":
        path.write_bytes(b"\x00garbage" * 100)
    elif kind == "empty":
        path.touch()
    elif kind == "truncated":
        train(TARGET, SETTINGS, checkpoint=path)
        path.write_bytes(path.read_bytes()[:-100])
    elif kind == "pickle":
        path.write_bytes(pickle.dumps({"state": Malicious()}))
    elif kind == "torch":
        torch.save({"format": 1, "settings": {}, "state": Malicious()}, path)
    else:
        torch.save({"something": "else"}, path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"checkpoint\.pt: not a checkpoint"):
        train(TARGET, SETTINGS, checkpoint=path)
    assert not trace.exists()
    assert path.read_bytes() == before


def test_a_checkpoint_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(StoreError, match=r"checkpoint\.pt: cannot be written"):
        train(TARGET, SETTINGS, checkpoint=blocked / "checkpoint.pt", checkpoint_every=1)
