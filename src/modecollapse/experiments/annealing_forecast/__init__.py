"""Predicted probabilities of collapse under annealing, against gradient flow from random starts."""
