"""Collapse of flows against the number of hidden layers of their networks."""
