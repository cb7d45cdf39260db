"""The theory of mode collapse in variational inference, and two independent checks of it.

The few names that a notebook needs are here; each is imported when it is first used, so that
``import modecollapse`` is quick and a job loads only what it needs.

>>> import modecollapse as mc
>>> p = mc.target(separation=3.0, dimension=64)
>>> p.dimension
64
"""

from __future__ import annotations

from typing import Any

import lazy_loader

__version__ = "0.1.0"

_load, _, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]

# What some names need and not every installation has, and the extra that brings it.
_EXTRAS = {"torch": "flows", "zuko": "flows"}


def __getattr__(name: str) -> Any:
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(error.name or "")
        if extra is None:
            raise
        need = f"modecollapse.{name} needs {error.name}: pip install 'modecollapse[{extra}]'"
        raise ModuleNotFoundError(need, name=error.name) from None


def __dir__() -> list[str]:
    return sorted(__all__)
