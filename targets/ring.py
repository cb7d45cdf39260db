"""A target of one's own: five Gaussian wells of unequal depth on a ring, as a log-density alone.

modecollapse diagnose targets/ring.py
"""

import math

import torch

dimension = 2

ANGLES = 2 * math.pi / 5 * torch.arange(5, dtype=torch.float64)
CENTRES = 4.0 * torch.stack([ANGLES.cos(), ANGLES.sin()], dim=-1)
DEPTHS = torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8], dtype=torch.float64)


def log_density(x):
    """log p(x) + a constant for x (N, 2), shape (N,)."""
    squared = (x[:, None] - CENTRES.to(x)).square().sum(-1)
    return torch.logsumexp(DEPTHS.to(x) - 0.5 * squared, dim=-1)
