"""How readily flows, before training, move and stretch their mass along μ*."""
