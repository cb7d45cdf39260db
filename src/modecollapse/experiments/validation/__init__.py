"""Theory against full-dimensional simulation, a row per compared quantity."""
