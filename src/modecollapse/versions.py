"""What a report of a fault should say of the software and the machine."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

__all__ = ["show_versions"]

PACKAGES = (
    *("modecollapse", "numpy", "scipy", "numba", "pandas", "torch", "zuko"),
    *("matplotlib", "seaborn", "snakemake", "snakemake-executor-plugin-slurm"),
)


def show_versions() -> None:
    """Print the versions of Python, of the packages and of the system, for a report of a fault.

    Nothing is imported, so that it works where something cannot be.

    >>> show_versions()  # doctest: +ELLIPSIS
    python ...
    """
    print(f"python {platform.python_version()}")
    for name in PACKAGES:
        print(f"{name} {_version(name)}")
    print(f"system {platform.platform()}, {os.cpu_count()} cores")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
