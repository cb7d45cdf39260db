"""Normalizing flows trained by reverse KL, many seeds at once (docs/theory.md, Section 12).

Each name is imported when it is first used, so that torch is loaded only by jobs that train.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
