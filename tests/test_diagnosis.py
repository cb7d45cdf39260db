"""From a log-density to a report: what is found, foretold, checked and written."""

from __future__ import annotations

import re
import shutil
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

import modecollapse as mc
from modecollapse import FlowSettings, train
from modecollapse.diagnosis import diagnose, write_report
from modecollapse.diagnosis.found import Diagnosis
from modecollapse.diagnosis.price import heavier, price_list, problem_of, volumes_apart
from modecollapse.pipeline.cli import main
from modecollapse.targets import elliptical, find_modes, target
from modecollapse.theory import rank_remedies

ROOT = Path(__file__).parents[1]
SMALL = FlowSettings.of(
    seeds=4, couplings=2, hidden=8, depth=1, steps=100, batch=64, evaluation_samples=256,
    device="cpu",
)  # fmt: skip


@pytest.fixture(scope="module")
def ring():
    return diagnose(ROOT / "targets" / "ring.py", SMALL, check=True, starts=40)


def test_a_file_is_diagnosed_from_modes_to_ensemble(ring):
    assert len(ring.modes) == 5
    assert ring.early.shape == (4, 5)
    assert ((ring.forecast > 0) & (ring.forecast < 1)).all()
    assert ring.probability == pytest.approx(ring.forecast.mean())
    assert ring.frequency["n_runs"] == 4
    text = " ".join(ring.sentences())
    assert "5 modes by 40 starts" in text
    assert "others may be missing" in text
    assert f"{ring.frequency['n_collapsed']} of 4 runs collapsed" in text


def test_the_forecast_is_of_the_runs_that_are_trained(ring):
    """The first 2 % of the steps are those of the ensemble: same starts, same noise."""
    step = list(ring.run.times).index(2.0)
    masses = np.stack([ring.run.statistics[f"mass_{k}"][:, step] for k in range(5)], -1)
    assert masses / ring.target.weights == pytest.approx(ring.early, abs=1e-6)


def test_a_target_with_weights_of_its_own_keeps_them():
    p = target(4.0, 3, 0.8)
    found = diagnose(p, SMALL, starts=10)
    assert found.target is p
    assert found.run is None
    assert found.frequency is None
    start = train(p, SMALL.changed(steps=2, log_every=2))
    assert found.early[:, 0] == pytest.approx(start.final("mass_plus") / 0.8)


def test_one_mode_has_nothing_to_lose(tmp_path):
    found = diagnose(elliptical([[1.0, 2.0]]), SMALL, starts=5, check=True)
    assert found.probability == 0
    assert "nothing to lose" in " ".join(found.sentences())
    write_report(found, tmp_path)
    assert len(pd.read_csv(tmp_path / "runs.csv")) == 0


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_nothing_of_the_users_matplotlib_takes_part_and_all_of_it_stays(ring, tmp_path):
    write_report(ring, tmp_path / "plain")
    hostile = {"axes.facecolor": "black", "font.size": 30.0, "savefig.dpi": 30.0}
    with matplotlib.rc_context(hostile):
        before = dict(matplotlib.rcParams)
        write_report(ring, tmp_path / "hostile")
        assert dict(matplotlib.rcParams) == before
    for path in (tmp_path / "plain").iterdir():
        assert path.read_bytes() == (tmp_path / "hostile" / path.name).read_bytes(), path.name


def test_a_report_is_written(ring, tmp_path):
    files = write_report(ring, tmp_path / "a folder")
    assert [file.name for file in files] == [
        *("report.html", "report.pdf"),
        *("modes.csv", "runs.csv", "remedies.csv"),
    ]
    page = files[0].read_text(encoding="utf-8")
    assert page.count("<img") == 1
    assert all(f"<p>{word.split('(')[0][:30]}" in page for word in ring.sentences()[:1])
    assert files[1].read_bytes().startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", files[1].read_bytes())) == 1
    modes, runs = pd.read_csv(files[2]), pd.read_csv(files[3])
    assert modes["weight"].to_numpy() == pytest.approx(ring.modes.weights)
    assert runs["forecast"].to_numpy() == pytest.approx(ring.forecast)
    assert (runs["outcome"] != "both modes").sum() == ring.frequency["n_collapsed"]
    lost = ring.run.final("mass_0") - ring.modes.weights[0]
    assert (runs["mode_weight_error"] >= 0.5 * abs(lost) - 1e-9).all()
    assert runs["mode_entropy"].between(0, 1).all()
    prices = pd.read_csv(files[4]).set_index("remedy")
    assert prices.loc["plain", "price"] == 1
    assert prices.loc["plain", "evaluations"] == 100 * 64  # steps × batch
    assert prices.loc["share 0.5", "evaluations"] > 5 * 6400
    assert bool(prices.loc["share 0.5", "needs_samples"])


def test_what_is_wrong_is_told_before_anything_is_trained(tmp_path):
    with pytest.raises(ValueError, match=r"^target: got"):
        diagnose(tmp_path / "nothing.py")
    with pytest.raises(ValueError, match=r"^check: got 3"):
        diagnose(target(3.0, 2), check=3)
    flat = tmp_path / "flat.py"
    flat.write_text("dimension = 2\ndef log_density(x):\n    return 0 * x[:, 0]\n")
    with pytest.raises(ValueError, match=r"^log_density: got no mode"):
        diagnose(flat)


def test_the_command_writes_a_report_and_tells_what_is_wrong(tmp_path, capsys):
    words = ["--seeds", "2", "--steps", "50", "--output", str(tmp_path / "report")]
    assert main(["diagnose", str(ROOT / "targets" / "ring.py"), *words]) == 0
    said = capsys.readouterr()
    assert "5 modes by 128 starts" in said.out
    assert (tmp_path / "report" / "report.html").exists()
    assert "looking for modes" in said.err or not said.err  # where pytest keeps the log to itself
    assert main(["diagnose", str(tmp_path / "nothing.py")]) == 2
    assert "allowed: a target, or a Python file" in capsys.readouterr().err


def test_negligible_modes_are_told_apart_and_never_lost():
    p = mc.custom(
        elliptical([[3.0, 0], [-3.0, 0], [0, 8.0]], [0.5, 0.49999, 1e-5]).log_density, 2, reach=10.0
    )
    found = diagnose(p, SMALL, starts=60, check=True)
    assert len(found.modes) == 3
    assert len(found.counted) == 2
    assert found.early.shape == (4, 2)
    assert found.target.weights == pytest.approx(found.counted.weights)
    assert found.counted.weights.sum() == pytest.approx(1)
    assert found.counted.separations.shape == found.counted.barriers.shape == (2, 2)
    text = " ".join(found.sentences())
    assert "Of these 1 of weight below 0.001, together 1e-05: negligible" in text
    everything = heavier(found.modes, 0.0)
    assert everything.weights == pytest.approx(found.modes.weights / found.modes.weights.sum())
    assert len(heavier(found.modes, 1.0)) == 1
    total = found.modes.weights[:2].sum()
    assert found.counted.errors == pytest.approx(found.modes.errors[:2] / total)


def test_volumes_apart_are_told_with_the_path_that_corrects_them():
    p = elliptical([[4.0, 0, 0], [-4.0, 0, 0]], [0.6, 0.4], [0.1, 1.0])
    modes = find_modes(p, starts=p.means)
    assert volumes_apart(modes) == pytest.approx(1.5 * np.log(10), abs=0.02)
    even = find_modes(target(3.0, 3), starts=10)
    assert volumes_apart(even) < 0.01
    assert problem_of(even) == "equal modes"
    assert problem_of(find_modes(target(3.0, 3, 0.7), starts=10)) == "unequal modes"
    early = np.array([[0.1, 1.9], [0.2, 1.8]])
    for one, told in ((modes, True), (even, False)):
        text = " ".join(Diagnosis(p, one, SMALL, early, np.array([0.9, 0.8]), None).sentences())
        assert ("correct_path" in text) == told
        assert "The prices carry over" in text


def test_prices_are_those_of_the_problem_with_as_many_modes():
    p = elliptical([[4.0, 0], [-4.0, 0], [0, 4.0]])
    modes = find_modes(p, starts=p.means)
    prices = price_list(modes, SMALL).set_index("remedy")
    there = rank_remedies("four modes", flows=True).set_index("remedy")
    assert prices.index.tolist() == there.index.tolist()  # the best first
    assert set(prices["problem"]) == {"four modes"}
    np.testing.assert_allclose(prices["price"], there["cost"] / there.loc["plain", "cost"])
    np.testing.assert_allclose(prices["evaluations"], prices["price"] * 100 * 64, atol=0.5)
    needing = set(prices.index[prices["needs_samples"]])
    assert needing == {name for name in prices.index if "share" in name or "likelihood" in name}
    assert {"plain", "annealing"}.isdisjoint(needing)
    assert problem_of(find_modes(target(3.0, 3, 0.59), starts=10)) == "equal modes"


BAD = {
    "wrong shape": ("return x", r"log_density: got \(8, 2\); allowed: .* that returns \(8,\)"),
    "NaN": ("return x[:, 0] * float('nan')", r"log_density: got .*nan.*; allowed"),
    "-inf everywhere": ("return x[:, 0] * 0 - float('inf')", r"log_density: got .*inf"),
    "not differentiable": ("return -(x.detach() ** 2).sum(1)", r"log_density: got .*no gradient"),
    "steps": ("return -torch.floor(x.abs()).sum(1)", r"log_density: got .*(no mode|gradient)"),
    "no mode": ("return x.sum(1)", r"log_density: got .*no mode"),
    "a ridge": ("return -(x.norm(dim=1) - 3).square()", r"log_density: got .*ridge"),
    "not torch": ("return [0.0]", r"log_density: got .*list.*; allowed"),
    "raises": ("return x @ 3", r"log_density: got TypeError"),
    "sums the batch": ("return -x.square().sum()", r"log_density: got \(\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_each_bad_log_density_gets_one_clear_message(name, tmp_path):
    body, message = BAD[name]
    file = tmp_path / "bad.py"
    file.write_text(f"import torch\ndimension = 2\ndef log_density(x):\n    {body}\n")
    with pytest.raises(ValueError, match=message) as told:
        diagnose(file, SMALL, starts=6, seconds=10)
    assert len(str(told.value).splitlines()) == 1


def hours_of(**changes):
    """What a diagnosis that is refused for its time is told to take."""
    p = mc.mixture([[2.0, 0.0], [-2.0, 0.0]])
    with pytest.raises(ValueError, match=r"^steps: got .*; allowed: what takes at mo") as told:
        diagnose(p, SMALL, **{"steps": 10**8, "hours": 1e-6, **changes})
    return float(
        re.search(r"about (.+): take fewer steps or runs, or raise hours", str(told.value))[1]
    )


@pytest.mark.parametrize(
    ("changes", "times"),
    [
        ({"steps": 10**9}, 10),
        ({"check": True}, 50),
        ({"seeds": 400}, 100),
        ({"batch": 6400}, 100),
        ({"couplings": 20}, 10),
        ({"hidden": 80}, 7),
    ],
    ids=str,
)
def test_what_would_take_too_long_is_refused_with_its_bound(changes, times, monkeypatch):
    monkeypatch.setattr(sys.modules["modecollapse.diagnosis.diagnose"], "_once", lambda *_: 0.0)
    assert hours_of(**changes) / hours_of() == pytest.approx(times, rel=0.3)


def test_a_log_density_that_takes_its_time_is_reckoned_with():
    def slow(x):
        time.sleep(0.02)
        return -x.square().sum(-1)

    with pytest.raises(ValueError, match=r"^steps: got 10000; .* runs take about 0\.01[3-9]"):
        diagnose(mc.custom(slow, 2), SMALL, steps=10_000, hours=0.01)  # 4 × 200 steps, 0.06 s each


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module"),
        ("def log_density(x) return x", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("dimension = 2", "log_density: got 'nothing'"),
        ("def log_density(x): return -x.square().sum(1)", "dimension: got 'nothing'"),
    ],
)
def test_a_file_that_does_not_import_gets_one_clear_message(text, message, tmp_path, capsys):
    file = tmp_path / "bad.py"
    file.write_text(text)
    assert main(["diagnose", str(file)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ring.py", "--output", "file"], "output: got 'file'; allowed: a folder that can be"),
        (["ring.py", "--output", "file/below"], "output: got 'file/below'; allowed: a folder"),
        (["ring.py", "--output", "a\0b"], "output: got PosixPath('a\\x00b'); allowed: the path"),
        (["huge.py"], "huge.py: dimension: got 1000000000000000; allowed: what fits into"),
    ],
)
def test_what_the_command_cannot_do_is_told_before_a_search(
    words, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "targets" / "ring.py", tmp_path)
    Path("file").write_text("")
    density = "def log_density(x):\n    return -x.square().sum(1)\n"
    Path("huge.py").write_text(f"dimension = 10**15\n{density}")
    assert main(["diagnose", *words]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert not said.out
