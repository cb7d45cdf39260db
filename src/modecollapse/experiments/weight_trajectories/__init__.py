"""Weights and means while a component dies."""
