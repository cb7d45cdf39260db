"""From a log-density to a report: what is found, foretold, checked and written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modecollapse import FlowSettings, train
from modecollapse.diagnosis import diagnose, write_report
from modecollapse.pipeline.cli import main
from modecollapse.targets import elliptical, target

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


def test_a_report_is_written(ring, tmp_path):
    files = write_report(ring, tmp_path / "a folder")
    assert [file.name for file in files] == ["report.html", "report.pdf", "modes.csv", "runs.csv"]
    page = files[0].read_text(encoding="utf-8")
    assert page.count("<img") == 1
    assert all(f"<p>{word.split('(')[0][:30]}" in page for word in ring.sentences()[:1])
    assert files[1].read_bytes().startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", files[1].read_bytes())) == 1
    modes, runs = pd.read_csv(files[2]), pd.read_csv(files[3])
    assert modes["weight"].to_numpy() == pytest.approx(ring.modes.weights)
    assert runs["forecast"].to_numpy() == pytest.approx(ring.forecast)
    assert (runs["outcome"] != "both modes").sum() == ring.frequency["n_collapsed"]


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
