"""Let a .venv know where it is, after its folder was moved or copied.

Its scripts and its activation name the place where they were made; both are written anew, from what
is installed.  It runs in that .venv and fetches nothing.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

from pip._vendor.distlib.scripts import ScriptMaker


def main() -> None:
    venv = Path(sys.prefix)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    maker = ScriptMaker(None, str(venv / "bin"))
    maker.clobber, maker.set_mode, maker.variants = True, True, {""}
    python = str(venv / "bin" / "python")
    maker.executable = f'"{python}"' if " " in python else python
    for installed in distributions(path=[path for path in sys.path if path.startswith(str(venv))]):
        for script in installed.entry_points.select(group="console_scripts"):
            maker.make(f"{script.name} = {script.value}")


if __name__ == "__main__":
    main()
