"""The device that tensors live on, a CPU or a GPU, and how many cores torch and BLAS use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

from .checks import MOST_THREADS, choice, integer, require

__all__ = ["DEVICES", "device_name", "limited_threads", "resolve"]

DEVICES = ("auto", "cpu", "cuda")


def resolve(device: str) -> torch.device:
    """The device that a setting means: "cpu", "cuda", or "auto", a GPU where there is one.

    >>> resolve("cpu")
    device(type='cpu')
    """
    choice("device", device, DEVICES)
    there = torch.cuda.is_available()
    require(there or device != "cuda", "device", device, "cpu or auto: torch finds no GPU here")
    return torch.device("cuda" if there and device != "cpu" else "cpu")


def device_name(device: str) -> str:
    """What the device that a setting means is called, for the record: "cpu", or the GPU's name."""
    return "cpu" if resolve(device).type == "cpu" else str(torch.cuda.get_device_name())


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Let torch and BLAS use `threads` cores within an operation, and as many as before after it.

    Sums over several threads have other bits, and threads that wait for one another on a busy
    machine take many times as long as one alone.

    >>> with limited_threads(1):
    ...     torch.get_num_threads()
    1
    """
    integer("threads", threads, 1, MOST_THREADS)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)
