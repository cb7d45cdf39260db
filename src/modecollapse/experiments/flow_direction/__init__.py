"""Collapse of flows against the direction of μ*."""
