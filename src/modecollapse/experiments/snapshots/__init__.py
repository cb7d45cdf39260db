"""q during training, in the plane of μ* and one direction orthogonal to it."""
