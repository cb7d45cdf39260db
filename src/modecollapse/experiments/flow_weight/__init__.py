"""Collapse of flows against the target's weight."""
