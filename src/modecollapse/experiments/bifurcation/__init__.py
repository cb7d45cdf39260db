"""Where the two means can rest, against the separation."""
