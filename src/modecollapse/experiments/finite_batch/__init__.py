"""How often descent by finite batches collapses against the dimension; the gradient flow beside."""
