"""Pictures come from their tables alone; drawn again they are the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from modecollapse.pipeline import pictures
from modecollapse.pipeline.cli import main
from modecollapse.pipeline.draw import draw
from modecollapse.pipeline.entry import set_aside
from modecollapse.pipeline.provenance import record
from modecollapse.pipeline.verify import verify
from modecollapse.store import StoreError, digest, read_sidecar, sidecar, write_table

SETTINGS = {"seed": 1}
CONFIG = {"name": "tiny", "figs_multimodal": {"modes_found": {"theory": {"jobs": 1, **SETTINGS}}}}
STEM = "figures/tiny/figs_multimodal"
TABLE = pd.DataFrame(
    {
        "source": "theory",
        "arrangement": "simplex",
        "eta": [0.0, 0.0, 1.0, 1.0],
        "separation": [2.0, 4.0, 2.0, 4.0],
        "n_components": 3,
        "n_modes": 3,
        "dimension": 16,
        "n_runs": 5,
        "n_found": [3.0, 2.0, 2.5, 1.5],
        "n_found_se": [0.1, 0.2, 0.3, 0.2],
        "time": 400.0,
        "n_moving": [0, 0, 0, 1],
    }
)
HOSTILE = """\
axes.facecolor: black
font.size: 30
lines.linewidth: 9
figure.dpi: 30
savefig.bbox: tight
axes.prop_cycle: cycler(color=["r"])
text.usetex: True
pdf.compression: 0
svg.fonttype: none
axes.formatter.use_locale: True
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """What a run of CONFIG leaves, drawn by the job itself."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made_by = record(["modecollapse.pipeline.gather"], {"theory": SETTINGS}, [], 1.0)
        write_table("results/tiny/modes_found.csv", TABLE, dict.fromkeys(TABLE, "1"), made_by)
        draw("multimodal", [Path("results/tiny/modes_found.csv")], Path(STEM))
        assert bad(folder) == {}
    return folder


@pytest.fixture
def root(made, tmp_path, monkeypatch) -> Path:
    """A copy of it for each test, in which it stands."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(made, tmp_path, dirs_exist_ok=True)


def test_figures_that_share_a_process_are_what_they_are_alone(root):
    stems = ["one/figs_multimodal", "two/figs_multimodal"]
    table = "results/tiny/modes_found.csv"
    pictures.main([word for stem in stems for word in ("--figure", stem, table)])
    for stem in stems:
        for ending in ("pdf", "png", "rst"):
            assert Path(f"{stem}.{ending}").read_bytes() == Path(f"{STEM}.{ending}").read_bytes()
        records = [read_sidecar(Path(f"{each}.png")) for each in (stem, STEM)]
        assert all(each.pop("seconds") >= 0 for each in records)
        assert records[0] == records[1]


def bad(root: Path, *, deep: bool = True) -> dict[str, str]:
    found = verify(root, CONFIG, deep=deep)
    assert sum(f.check == "drawing" for f in found) in (1, 3) or not deep
    return {Path(f.file).name: f.verdict for f in found if not f.good}


def forge(path: Path, content: bytes, **changes: object) -> None:
    """Replace a picture together with the digest in its record."""
    path.write_bytes(content)
    beside = sidecar(path)
    kept = {**json.loads(beside.read_text()), "sha256": digest(path), **changes}
    beside.write_text(json.dumps({k: v for k, v in kept.items() if v is not None}))


@pytest.mark.parametrize("kind", ["pdf", "png"])
def test_a_picture_forged_together_with_its_digest_is_found_by_drawing_again(root, kind):
    path = root / f"{STEM}.{kind}"
    forge(path, path.read_bytes() + b" ")
    assert bad(root, deep=False) == {}
    assert bad(root) == {path.name: "differs"}


def test_a_caption_forged_together_with_its_digests_is_found_by_drawing_again(root):
    caption = root / f"{STEM}.rst"
    caption.write_text("all is well")
    for kind in ("pdf", "png"):
        path = root / f"{STEM}.{kind}"
        forge(path, path.read_bytes(), caption=digest(caption))
    assert bad(root, deep=False) == {}
    assert bad(root) == {caption.name: "differs"}


def test_a_caption_whose_digests_are_gone_is_found(root):
    (root / f"{STEM}.rst").write_text("all is well")
    for kind in ("pdf", "png"):
        path = root / f"{STEM}.{kind}"
        forge(path, path.read_bytes(), caption=None)
    verdicts = dict.fromkeys(("figs_multimodal.pdf", "figs_multimodal.png"), "no record")
    assert bad(root, deep=False) == verdicts
    assert bad(root) == verdicts | {"figs_multimodal.rst": "differs"}


def test_a_picture_of_other_packages_is_not_compared_but_its_caption_is(root):
    path = root / f"{STEM}.pdf"
    forge(path, path.read_bytes() + b" ", packages={"matplotlib": "1.0"})
    assert bad(root) == {}
    (root / f"{STEM}.rst").write_text("all is well")
    assert bad(root)["figs_multimodal.rst"] == "differs"


def test_a_table_that_cannot_be_drawn_ends_in_a_finding(root):
    path = root / "results/tiny/modes_found.csv"
    write_table(path, TABLE[["source"]], {"source": "1"}, read_sidecar(path))
    assert bad(root)["figs_multimodal"] == "differs"
    path.unlink()
    assert bad(root)["figs_multimodal"] == "unreadable"


def test_the_command_draws_again_where_asked(root, monkeypatch, capsys):
    monkeypatch.setattr("modecollapse.pipeline.commands._configuration", lambda given: CONFIG)
    assert main(["verify", "--deep", "--root", str(root)]) == 0
    assert capsys.readouterr().out.count("drawing") == 3


@pytest.mark.parametrize(
    "backend",
    [
        "module://matplotlib_inline.backend_inline",
        "nonsense",
        pytest.param("module://none", marks=pytest.mark.slow),
        pytest.param("TkAgg", marks=pytest.mark.slow),
    ],
)
def test_nothing_of_the_users_matplotlib_takes_part(root, tmp_path, backend):
    before = {kind: (root / f"{STEM}.{kind}").read_bytes() for kind in ("pdf", "png", "rst")}
    (tmp_path / "matplotlibrc").write_text(HOSTILE)
    command = [sys.executable, "-m", "modecollapse.pipeline.draw", "multimodal"]
    command += ["results/tiny/modes_found.csv", "--output", STEM]
    changes = {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc"), "MPLBACKEND": backend}
    done = subprocess.run(
        command, env=os.environ | changes, cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {kind: (root / f"{STEM}.{kind}").read_bytes() for kind in before} == before


@pytest.mark.parametrize(
    ("place", "message"),
    [("settings/matplotlibrc", "error: a.csv"), ("matplotlibrc", "error: matplotlibrc: not UTF-8")],
)
def test_settings_for_matplotlib_that_are_no_text_are_not_read_or_named(place, message, tmp_path):
    (tmp_path / "settings").mkdir()
    (tmp_path / place).write_bytes(b"# \xe9\n")
    command = [sys.executable, "-m", "modecollapse.pipeline.draw", "multimodal", "a.csv"]
    changes = {"MATPLOTLIBRC": "settings", "MPLCONFIGDIR": str(tmp_path / "settings")}
    done = subprocess.run(
        [*command, "--output", "figure"], env=os.environ | changes, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(message)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (os.mkfifo, "not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
        (lambda path: path.write_bytes(b"#" * 2**21), "2097152 bytes; at most 1048576 are read"),
        (lambda path: path.write_bytes(b"\xff"), "not UTF-8 text; delete it, or save it as UTF-8"),
        (lambda path: path.symlink_to("nowhere"), None),
        (Path.mkdir, None),
    ],
    ids=["pipe", "device", "huge", "binary", "nowhere", "folder"],
)
def test_settings_in_the_current_folder_are_not_waited_for(tmp_path, monkeypatch, make, told):
    monkeypatch.chdir(tmp_path)
    for name in ("MPLBACKEND", "MATPLOTLIBRC"):
        monkeypatch.setenv(name, "mine")
    make(Path("matplotlibrc"))
    if told is None:
        set_aside()
    else:
        with pytest.raises(StoreError, match=f"^matplotlibrc: {told}"):
            set_aside()
    assert (os.environ["MPLBACKEND"], os.environ["MATPLOTLIBRC"]) == ("Agg", os.devnull)
