"""The device that tensors live on: the CPU, or a GPU where one is wanted and there."""

from __future__ import annotations

import torch

from .checks import choice, require

__all__ = ["DEVICES", "device_name", "resolve"]

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
