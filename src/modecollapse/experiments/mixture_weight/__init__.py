"""Collapse of a two-component mixture against the target's weight."""
