"""The fixed points on the plane of the phase portrait."""
