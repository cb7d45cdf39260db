"""Targets p: what q is fitted to.

Each name is imported when it is first used: the theory needs no torch.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
