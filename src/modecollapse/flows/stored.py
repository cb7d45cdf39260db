"""What a stored state consists of, said as a value, and whether what was found is that.

A pattern is a mapping of parts, a list of entries, or a check like those of ``checks.py``, called
with the name of an entry and what was found there.  Nothing found is used, nor is anything made
after its sizes, before all of it fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checks import require
from .sealed import refusal

__all__ = ["Check", "check", "chosen", "statistic", "tensor"]

Check = Callable[[str, Any], Any]
FLOATS = (torch.float32, torch.float64)
ROUNDED = 1e-9  # beyond 1 for a part of the whole


def check(path: Path, kind: str, pattern: Any, found: Any, name: str = "") -> None:
    """Refuse what is `found` in a file of that `kind` unless it fits the pattern.

    Raises
    ------
    StoreError : naming the file, the entry, what it is and what is allowed.
    """
    try:
        _compare(name, pattern, found)
    except ValueError as error:
        raise refusal(path, kind, str(error)) from error


def _compare(name: str, pattern: Any, found: Any) -> None:
    if isinstance(pattern, Mapping):
        same = type(found) is dict and found.keys() == pattern.keys()
        require(same, name or "it", _told(found), f"the parts {', '.join(map(str, pattern))}")
        for part, below in pattern.items():
            _compare(f"{name}.{part}" if name else part, below, found[part])
    elif isinstance(pattern, list):
        same = type(found) is list and len(found) == len(pattern)
        require(same, name, _told(found), f"a list of {len(pattern)} entries")
        for number, (below, entry) in enumerate(zip(pattern, found, strict=True)):
            _compare(f"{name}[{number}]", below, entry)
    else:
        pattern(name, found)


def chosen(found: Any, *parts: str) -> Any:
    """These parts alone of a mapping, those of them that there are."""
    return {part: found[part] for part in parts if part in found} if type(found) is dict else found


def tensor(
    shape: tuple[int | None, ...],
    dtype: torch.dtype | tuple[torch.dtype, ...],
    fits: Callable[[Tensor], Tensor] | None = None,
    allowed: str = "",
) -> Check:
    """A check for a plain tensor in memory; where given, that each of its numbers `fits`.

    Parameters
    ----------
    shape : of it; None where any length from 1 on will do.
    dtype : its, or those that it may have.
    fits : says of which numbers it holds, the tensor being of the right shape and dtype.
    allowed : the same in words.

    >>> tensor((2, None), torch.int64)("steps", torch.zeros(2, 0, dtype=torch.int64))
    Traceback (most recent call last):
    ...
    ValueError: steps: got a tensor (2, 0) of torch.int64; allowed: a tensor (2, any) of torch.int64
    """
    dtypes = dtype if isinstance(dtype, tuple) else (dtype,)
    sizes = ", ".join("any" if size is None else str(size) for size in shape)
    kind = f"a tensor ({sizes}) of {' or '.join(map(str, dtypes))}"

    def compare(name: str, found: Any) -> None:
        same = type(found) is Tensor and found.layout == torch.strided and not found.is_meta
        same = same and found.dtype in dtypes and len(found.shape) == len(shape)
        pairs = zip(found.shape, shape, strict=True) if same else ()
        same = same and all(a > 0 if b is None else a == b for a, b in pairs)
        require(same, name, _told(found), kind)
        kept = found.untyped_storage().nbytes()  # a view of few can stand for any number of numbers
        plain = kept >= found.nbytes and not found.requires_grad and not found.is_neg()
        require(plain, name, _Words("a view, or one with a gradient"), f"{kind} as it was made")
        good = torch.ones((), dtype=torch.bool) if fits is None else fits(found)
        bad = found[~good.expand(found.shape)]
        require(not len(bad), name, bad[0].item() if len(bad) else None, allowed)

    return compare


def statistic(name: str, shape: tuple[int, ...], times: Tensor, ended: Tensor) -> Check:
    """A check for what is logged under that name: NaN just where a run had diverged.

    Parameters
    ----------
    shape : (n,) or (n, T).
    times : of the measurements, to be broadcast to it.
    ended : the time at which each run diverged, infinite for those that did not; likewise.
    """
    part = name.startswith("mass_") or name in ("ess", "beta")
    low = 0.0 if part or name.endswith(("_se", "_std")) else -torch.inf
    high = 1 + ROUNDED if part else torch.inf

    def fits(found: Tensor) -> Tensor:
        inside = found.isfinite() & (found >= low) & (found <= high)
        return torch.where(found.isnan(), ended <= times, inside & (ended >= times))

    allowed = f"a finite number in [{low:g}, {high:g}]"
    before = "; NaN from the step on at which a run diverged, and not before"
    return tensor(shape, torch.float64, fits, allowed + before)


def _told(found: Any) -> str:
    """What something is, without what it holds."""
    if isinstance(found, Tensor):
        kind = "a tensor" if type(found) is Tensor else f"a {type(found).__name__}"
        where = "" if found.layout == torch.strided else f" {found.layout}"
        return _Words(f"{kind} {tuple(found.shape)} of {found.dtype}{where}")
    if isinstance(found, list | tuple):
        return _Words(f"a {type(found).__name__} of {len(found)} entries")
    if isinstance(found, dict):
        return _Words(f"the parts {', '.join(map(str, found))}")
    return found


class _Words(str):
    """Words that a message shows as they are."""

    def __repr__(self) -> str:
        return str(self)
