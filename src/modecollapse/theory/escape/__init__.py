"""Escape from collapse by the noise of the batches (docs/theory/16-survival.md)."""
