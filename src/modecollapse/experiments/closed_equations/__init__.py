"""The order parameters and KL against time, from the closed equations and from simulation."""
