"""The fold lines that bound the regions of what can happen."""
