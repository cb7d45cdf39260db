"""Collapse of flows against their architecture."""
