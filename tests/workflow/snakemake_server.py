"""Snakemake, loaded once: a call is a line of JSON, and is answered by a fork's exit code.

Each fork is what `python -m snakemake` is after its first second, in which it loads its libraries.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys

import jsonschema  # noqa: F401  what the workflow loads from elsewhere
import scipy.special  # noqa: F401
from snakemake.cli import main


def become(call: dict) -> int:
    """Run one call here, in its folder; returns its exit code."""
    signal.alarm(call["limit"])
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    for number, name in ((1, call["stdout"]), (2, call["stderr"])):
        os.dup2(os.open(name, os.O_WRONLY), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.path[0] = call["folder"]
    sys.argv[1:] = call["arguments"]
    try:
        main()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    gc.freeze()
    for line in sys.stdin:
        if (pid := os.fork()) == 0:
            code = 1
            try:
                code = become(json.loads(line))
            finally:
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
