"""Stochastic gradient descent, by samples alone: nothing is used of the closed equations.

Two components and two modes, KL(q‖p), or D_α and a share of samples of p:

- :func:`.full.simulate`, the witness: all d coordinates, any optimiser, on a CPU or a GPU.
- :func:`.reduced.simulate_reduced`: plain descent with the same law, at a cost free of d; for many
  runs, and for large d.
- :func:`.passage.first_passages`: on the line of the modes alone, with equal fixed weights, until
  collapse is left; for long waits.

Any number of components and modes, as remedies need them:

- :func:`.mixtures.simulate_mixture`: all d coordinates, samples stratified, without the score term.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
