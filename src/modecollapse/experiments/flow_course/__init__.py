"""Mass on the + mode while flows train, for many seeds."""
