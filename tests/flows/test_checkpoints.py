"""A killed training goes on from its checkpoint and ends in the same bits."""

import hashlib
import io
import math
import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from modecollapse.flows import FlowSettings, checkpoints, sealed, train
from modecollapse.flows.ensemble import Ensemble
from modecollapse.schedules import Adaptive, Exponential
from modecollapse.store import StoreError
from modecollapse.targets import BimodalTarget, custom

TARGET = BimodalTarget(separation=2.0, dimension=3)
SETTINGS = FlowSettings.of(
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
    settings = SETTINGS.changed(**changes)
    path = tmp_path / "checkpoint.pt"
    with monkeypatch.context() as patched:
        kill_after(17, patched)
        with pytest.raises(Killed):
            train(TARGET, settings, checkpoint=path, checkpoint_every=4)
    assert_same(train(TARGET, settings, checkpoint=path), train(TARGET, settings))


def test_a_process_killed_for_real(tmp_path):
    path, log = tmp_path / "checkpoint.pt", tmp_path / "log"
    settings = SETTINGS.changed(steps=600, log_every=200)
    program = (
        "from pathlib import Path\n"
        "from modecollapse.flows import FlowSettings, train\n"
        "from modecollapse.flows.architectures.realnvp import Couplings\n"
        "from modecollapse.targets import BimodalTarget, custom\n"
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
    content = sealed.read(path, "checkpoint")  # whole, although the process was killed
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
        train(TARGET, SETTINGS.changed(**changes), checkpoint=path)
    assert path.read_bytes() == before


def test_a_checkpoint_of_another_target_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    train(TARGET, SETTINGS, checkpoint=path)
    with pytest.raises(ValueError, match=r"target dimension: got 3; allowed: 4"):
        train(replace(TARGET, dimension=4), SETTINGS, checkpoint=path)


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("trace",)


def a_checkpoint(path, monkeypatch):
    """One of a training that was killed in its second ensemble."""
    with monkeypatch.context() as patched:
        kill_after(45, patched)
        with pytest.raises(Killed):
            train(TARGET, SETTINGS, checkpoint=path, checkpoint_every=5)
    return path


def refused(path, match=""):
    """That the file is refused, soon, and is as it was."""
    with pytest.raises(StoreError, match=rf"checkpoint\.pt: not a checkpoint \(.*{match}"):
        train(TARGET, SETTINGS, checkpoint=path)


FOREIGN = {
    "garbage": b"\x00garbage" * 100,
    "empty": b"",
    "pickle": pickle.dumps({"state": Malicious()}),
    "header alone": b"modecollapse checkpoint 2 0 " + hashlib.sha256(b"").hexdigest().encode(),
    "endless line": b"modecollapse checkpoint 2 " + b"9" * 10_000_000,
    "another kind": b"modecollapse flows 2 0 0\n",
    "another format": b"modecollapse checkpoint 1 0 0\n",
    "no length": b"modecollapse checkpoint 2 x 0\n",
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_file_that_is_no_checkpoint_is_refused(content, tmp_path, monkeypatch):
    path, trace = tmp_path / "checkpoint.pt", tmp_path / "trace"
    monkeypatch.chdir(tmp_path)
    path.write_bytes(content)
    refused(path)
    assert not trace.exists()
    assert path.read_bytes() == content


@pytest.mark.parametrize("payload", ["code", "something else", "a list", "zip bomb"])
def test_what_a_checkpoint_holds_is_not_trusted_for_its_digest(payload, tmp_path, monkeypatch):
    path, trace = tmp_path / "checkpoint.pt", tmp_path / "trace"
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    values = {"code": {"state": Malicious()}, "something else": {"x": 1}, "a list": [1]}
    torch.save(values.get(payload, {}), buffer)
    if payload == "zip bomb":
        pressed = io.BytesIO()
        with zipfile.ZipFile(pressed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive/data.pkl", b"\0" * 50_000_000)
        assert len(pressed.getvalue()) < 100_000
        buffer = pressed
    path.write_bytes(sealed._header("checkpoint", buffer.getvalue()) + buffer.getvalue())
    refused(path)
    assert not trace.exists()


def test_flipped_bits_and_cut_files_are_refused(tmp_path, monkeypatch):
    path = a_checkpoint(tmp_path / "checkpoint.pt", monkeypatch)
    whole = path.read_bytes()
    header = len(whole.split(b"\n")[0])
    rng = np.random.default_rng(0)
    for place in [0, 20, header - 1, header, *rng.integers(header, len(whole), 20)]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        refused(path)
    for size in (10, header, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        refused(path)
    path.write_bytes(whole + b"\0")
    refused(path, "added")


def test_what_is_no_regular_file_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    os.mkfifo(path)
    refused(path, "no regular file")  # and does not wait for a writer
    path.unlink()
    path.mkdir()
    refused(path, "no regular file")


def rewritten(path, change):
    """The checkpoint with its state changed, and a digest that is right."""
    content = sealed.read(path, "checkpoint")
    change(content["state"])
    sealed.write(path, "checkpoint", content)


def set_item(*keys, value=None):
    """A change of the state: an item set, or removed where no value is given."""

    def change(state):
        *outer, last = keys
        for key in outer:
            state = state[key]
        if value is None:
            del state[last]
        else:
            state[last] = value

    return change


def moments(state):
    return state["running"]["optimizer"]


def to(state, name, change, *given):
    state[name] = change(state[name], *given)


CHANGES = [
    ("time past the end", "state.time", set_item("running", "time", value=31)),
    ("time far past the end", "state.time", set_item("running", "time", value=10**18)),
    ("time zero", "state.time", set_item("running", "time", value=0)),
    ("time no whole number", "state.time", set_item("running", "time", value=5.0)),
    ("time of another state", "logs", set_item("running", "time", value=29)),
    ("no time", "state.time", set_item("running", "time")),
    ("no theta", "state", set_item("running", "theta")),
    ("theta of one run", "theta", set_item("running", "theta", value=torch.zeros(1, 1))),
    ("theta no tensor", "theta", set_item("running", "theta", value=[0.0])),
    ("no moments", "optimizer", set_item("running", "optimizer", "exp_avg")),
    ("theta NaN", "finite", lambda state: state["running"]["theta"].fill_(math.nan)),
    ("moments infinite", "finite", lambda state: moments(state)["exp_avg"].fill_(math.inf)),
    ("squares negative", "finite", lambda state: moments(state)["exp_avg_sq"].fill_(-1.0)),
    ("steps negative", "finite", lambda state: moments(state)["step"].fill_(-5.0)),
    ("theta on no device", "theta", lambda s: to(s["running"], "theta", torch.Tensor.to, "meta")),
    ("theta sparse", "theta", lambda s: to(s["running"], "theta", torch.Tensor.to_sparse)),
    ("time a truth", "state.time", set_item("running", "time", value=True)),
    ("time beyond 64 bits", "state.time", set_item("running", "time", value=2**70)),
    ("no beta", "state", set_item("running", "beta")),
    ("beta zero", "beta", set_item("running", "beta", value=torch.zeros(2).double())),
    ("beta NaN", "beta", set_item("running", "beta", value=torch.ones(2).double() * math.nan)),
    ("diverged later", "diverged", set_item("running", "diverged_at", value=torch.tensor([99, 0]))),
    ("no generators", "training", set_item("running", "training", value=[])),
    ("no noise", "generator", set_item("running", "training", 0, value=torch.ones(5056).byte())),
    ("log missing", "logs", set_item("running", "logs", "kl")),
    ("log cut", "logs.kl", set_item("running", "logs", "kl", 0)),
    ("an unknown part", "state", set_item("running", "more", value=1)),
    ("no running", "state", set_item("running")),
    ("running a number", "ensembles", set_item("running", value=3)),
    ("no finished", "state", set_item("finished")),
    ("finished a dictionary", "state", set_item("finished", value={"a": 1})),
    ("finished too many", "ensembles", set_item("finished", value=[{}] * 3)),
    ("finished without kl", "finished", set_item("finished", 0, "kl")),
    ("finished too short", "finished", set_item("finished", 0, "kl", value=torch.zeros(2, 1))),
]


@pytest.mark.parametrize(("part", "change"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_checkpoint_that_does_not_fit_is_refused_by_the_part(part, change, tmp_path, monkeypatch):
    path = a_checkpoint(tmp_path / "checkpoint.pt", monkeypatch)
    rewritten(path, change)
    refused(path, part)


def test_a_setting_that_differs_is_told_in_one_line(tmp_path):
    path = tmp_path / "checkpoint.pt"
    nested = ["x"]
    for _ in range(60):  # 2^60 letters, were they all written
        nested = [nested, nested]
    checkpoints.save(path, {"steps": nested}, {})
    with pytest.raises(ValueError, match=r"steps: got .*; allowed: 3, as asked") as caught:
        checkpoints.load(path, {"steps": 3})
    assert len(str(caught.value)) < 1000


def test_a_checkpoint_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(StoreError, match=r"checkpoint\.pt: cannot be written"):
        train(TARGET, SETTINGS, checkpoint=blocked / "checkpoint.pt", checkpoint_every=1)


@pytest.mark.parametrize("name", ["a" * 300, "circle", "device"])
def test_a_name_that_is_no_files_is_told_before_a_step(name, tmp_path, monkeypatch):
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "device").symlink_to("/dev/zero")
    kill_after(0, monkeypatch)
    with pytest.raises(StoreError, match=r"/(a+|circle|device): (cannot be read|not a checkpoint)"):
        train(TARGET, SETTINGS, checkpoint=tmp_path / name)


def test_a_name_with_a_null_byte_is_refused():
    with pytest.raises(ValueError, match=r"^checkpoint: got 'a.x00b'; allowed: the path of a file"):
        train(TARGET, SETTINGS, checkpoint="a\0b")


@pytest.mark.parametrize("change", ["weights", "modes", "log_z", "reach", "log_density"])
def test_a_checkpoint_of_another_target_of_ones_own_is_refused(change, tmp_path):
    places = {"modes": [[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]], "weights": [0.5, 0.5]}
    other = {"weights": [0.25, 0.75], "modes": [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]}
    other |= {"log_z": 0.5, "reach": 9.0}
    path = tmp_path / "checkpoint.pt"
    train(custom(lambda x: -x.square().sum(-1), 3, **places), SETTINGS, checkpoint=path)
    factor = 1.01 if change == "log_density" else 1.0
    changes = {change: other[change]} if change in other else {}
    p = custom(lambda x: -factor * x.square().sum(-1), 3, **{**places, **changes})
    with pytest.raises(ValueError, match=rf"target {change}.*: got .* as asked for now"):
        train(p, SETTINGS, checkpoint=path)
