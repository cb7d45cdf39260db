"""Collapse of flows against the number of couplings and the width of their networks."""
