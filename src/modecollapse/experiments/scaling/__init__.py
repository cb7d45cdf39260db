"""How the simulation's difference from the theory shrinks with step size, batch and dimension."""
