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


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The bytes of such a checkpoint."""
    with pytest.MonkeyPatch.context() as patched:
        return a_checkpoint(tmp_path_factory.mktemp("killed") / "c.pt", patched).read_bytes()


def refused(path, match="", told="not a checkpoint"):
    """That the file is refused, soon, and is as it was."""
    with pytest.raises(StoreError, match=rf"checkpoint\.pt: {told}.*{match}") as caught:
        train(TARGET, SETTINGS, checkpoint=path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


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
    refused(path, told="not a regular file")  # and does not wait for a writer
    path.unlink()
    path.mkdir()
    refused(path, told="not a regular file")


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


def fill(*keys, value):
    """A change of the state: a tensor in it filled with a value."""
    return lambda state: reached(state, keys).fill_(value)


def reached(state, keys):
    for key in keys:
        state = state[key]
    return state


def become(*keys, by):
    """A change of the state: a part of it replaced by what comes of it."""
    *outer, last = keys

    def change(state):
        part = reached(state, outer)
        part[last] = by(part[last])

    return change


RUN, FIRST = "running", ("finished", 0)
MOMENTS = (RUN, "optimizer")
CHANGES = [
    ("time past the end", "state.time: got 31", set_item(RUN, "time", value=31)),
    ("time far past the end", "state.time", set_item(RUN, "time", value=10**18)),
    ("time zero", "state.time", set_item(RUN, "time", value=0)),
    ("time no whole number", "state.time", set_item(RUN, "time", value=5.0)),
    ("time of another state", "step", set_item(RUN, "time", value=29)),
    ("time a truth", "state.time", set_item(RUN, "time", value=True)),
    ("time beyond 64 bits", "state.time", set_item(RUN, "time", value=2**70)),
    ("time a text", "state.time", set_item(RUN, "time", value="15")),
    ("no time", "state: got .*time", set_item(RUN, "time")),
    ("no theta", "state", set_item(RUN, "theta")),
    ("theta of one run", "state.theta", set_item(RUN, "theta", value=torch.zeros(1, 1))),
    ("theta no tensor", "state.theta", set_item(RUN, "theta", value=[0.0])),
    ("theta NaN", "state.theta", fill(RUN, "theta", value=math.nan)),
    ("theta infinite", "state.theta", fill(RUN, "theta", value=math.inf)),
    ("theta out of reach", "state.theta: got 2.0", fill(RUN, "theta", value=2.0)),
    ("theta on no device", "theta", become(RUN, "theta", by=lambda x: x.to("meta"))),
    ("theta sparse", "theta", become(RUN, "theta", by=torch.Tensor.to_sparse)),
    ("theta of two bytes", "theta", become(RUN, "theta", by=torch.Tensor.bfloat16)),
    ("theta with a gradient", "theta", become(RUN, "theta", by=torch.Tensor.requires_grad_)),
    ("theta of one number", "theta", become(RUN, "theta", by=lambda x: x[:1, :1].expand(x.shape))),
    ("theta a parameter", "theta", become(RUN, "theta", by=torch.nn.Parameter)),
    ("no moments", "optimizer", set_item(*MOMENTS, "exp_avg")),
    ("moments infinite", "exp_avg: got inf", fill(*MOMENTS, "exp_avg", value=math.inf)),
    ("moments NaN", "exp_avg: got nan", fill(*MOMENTS, "exp_avg", value=math.nan)),
    ("moments too large", "exp_avg: got 11.0", fill(*MOMENTS, "exp_avg", value=11.0)),
    ("squares negative", "exp_avg_sq", fill(*MOMENTS, "exp_avg_sq", value=-1.0)),
    ("squares infinite", "exp_avg_sq: got inf", fill(*MOMENTS, "exp_avg_sq", value=math.inf)),
    ("steps negative", "step", fill(*MOMENTS, "step", value=-5.0)),
    ("steps infinite", "step", fill(*MOMENTS, "step", value=math.inf)),
    ("steps NaN", "step", fill(*MOMENTS, "step", value=math.nan)),
    ("no beta", "state", set_item(RUN, "beta")),
    ("beta zero", "beta", set_item(RUN, "beta", value=torch.zeros(2).double())),
    ("beta NaN", "beta", set_item(RUN, "beta", value=torch.ones(2).double() * math.nan)),
    ("beta of no schedule", "beta: got 0.5", fill(RUN, "beta", value=0.5)),
    ("diverged later", "diverged", set_item(RUN, "diverged_at", value=torch.tensor([99, 0]))),
    ("diverged of three", "diverged", set_item(RUN, "diverged_at", value=torch.zeros(3).long())),
    ("diverged unnoticed", "logs.*got [0-9]", fill(RUN, "diverged_at", value=0)),
    ("diverged before the start", "diverged_at: got -2", fill(RUN, "diverged_at", value=-2)),
    ("no generators", "training", set_item(RUN, "training", value=[])),
    ("no noise", "generator", set_item(RUN, "training", 0, value=torch.ones(5056).byte())),
    ("log missing", "logs", set_item(RUN, "logs", "kl")),
    ("log cut", "logs.kl", set_item(RUN, "logs", "kl", 0)),
    ("log NaN", r"logs.kl\[1\]: got nan", fill(RUN, "logs", "kl", 1, value=math.nan)),
    ("log infinite", r"logs.loss\[0\]: got inf", fill(RUN, "logs", "loss", 0, value=math.inf)),
    ("mass above 1", r"mass_plus\[0\]: got 1.5", fill(RUN, "logs", "mass_plus", 0, value=1.5)),
    ("error negative", r"kl_se\[0\]: got -1.0", fill(RUN, "logs", "kl_se", 0, value=-1.0)),
    ("samples NaN", r"projections\[0\]: got nan", fill(RUN, "projections", 0, value=math.nan)),
    ("an unknown part", "state", set_item(RUN, "more", value=1)),
    ("a part without a name", "state", set_item(RUN, 3, value=1)),
    ("no running", "state", set_item(RUN)),
    ("running a number", "running", set_item(RUN, value=3)),
    ("no finished", "state", set_item("finished")),
    ("finished a dictionary", "state", set_item("finished", value={"a": 1})),
    ("finished too many", "ensembles", set_item("finished", value=[{}] * 3)),
    ("finished all, and going on", "running", lambda s: s["finished"].append(s["finished"][0])),
    ("finished a number", r"finished\[0\]: got 3", set_item("finished", 0, value=3)),
    ("finished without kl", "finished", set_item(*FIRST, "kl")),
    ("finished too short", "finished", set_item(*FIRST, "kl", value=torch.zeros(2, 1))),
    ("finished NaN", r"finished\[0\].kl: got nan", fill(*FIRST, "kl", value=math.nan)),
    ("finished elsewhere", r"direction: got 9.0", fill(*FIRST, "direction", value=9.0)),
    ("finished by others", r"ensemble_size: got 7", fill(*FIRST, "ensemble_size", value=7)),
    ("finished infinite", r"\].theta: got inf", fill(*FIRST, "theta", value=math.inf)),
    ("finished samples NaN", r"projection: got nan", fill(*FIRST, "projection", value=math.nan)),
    ("diverged, yet finite", "got 0.", set_item(*FIRST, "diverged_at", value=torch.tensor([3, 3]))),
]


@pytest.mark.parametrize(("part", "change"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_checkpoint_that_does_not_fit_is_refused_by_the_part(part, change, tmp_path, killed):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(killed)
    rewritten(path, change)
    refused(path, part)


@pytest.mark.parametrize(
    "changes",
    [
        {"learning_rate": 1e30},
        {"learning_rate": 1e40},
        {"clip": 1e30, "learning_rate": 1e-2},
        {"optimizer": "sgd", "learning_rate": 1e10},
        {"optimizer": "sgd", "clip": 1e30, "dtype": "float64"},
        {"schedule": Adaptive(0.2, 0.6, 0.1), "log_every": 1},
        {"learning_rate": 0.5, "clip": 1e-3, "projection_samples": 0},
        {"base_components": 3, "learning_rate": 1e38},
    ],
    ids=str,
)
def test_what_a_training_wrote_is_never_refused(changes, tmp_path, monkeypatch):
    """Whatever diverged, overflowed or stood still on the way, at any step."""
    settings, path = SETTINGS.changed(**{"steps": 12, "log_every": 5, **changes}), tmp_path / "c.pt"
    saved = []
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "save", lambda *given: saved.append(pickle.dumps(given)))
        train(TARGET, settings, checkpoint=path, checkpoint_every=1)
    assert len(saved) == 24  # of two ensembles, after each step but the last, and of their records
    for state in saved[::5]:
        checkpoints.save(*pickle.loads(state))
        train(TARGET, settings, checkpoint=path, checkpoint_every=1000)


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
    with pytest.raises(StoreError, match=r"/(a+|circle|device): (cannot be read|not a regular)"):
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
