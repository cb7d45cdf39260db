"""Projected density of two flows while they train: one that collapses, one that does not."""
