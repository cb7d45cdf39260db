"""How long a collapse lasts once the weights are trained."""
