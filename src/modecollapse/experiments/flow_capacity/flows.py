"""Trained flows, a row for each run and logged step."""

from ..flow_grid import UNITS, Settings, compute

__all__ = ["UNITS", "Settings", "compute"]
