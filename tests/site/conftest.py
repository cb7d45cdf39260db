"""The site, built once, and a browser that looks at it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import browser
import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("sphinx", "myst_parser", "furo", "mathjax")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The folder of the site, as `make docs` builds it but for results; a warning fails."""
    if MISSING:
        pytest.skip(f"THE SITE IS NOT BUILT: not installed: {', '.join(MISSING)}; make docs-setup")
    folder = tmp_path_factory.mktemp("site")
    command = ["sphinx", "-q", "-W", "--keep-going", "-c", "docs/site"]
    command += ["-D", "with_results=0", "docs", str(folder)]
    built = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="session")
def window(tmp_path_factory):
    """A headless browser."""
    if browser.absent():
        pytest.skip(f"THE SITE IS NOT LOOKED AT: {browser.absent()}")
    with browser.chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened
