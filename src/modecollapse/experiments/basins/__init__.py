"""Which starts collapse."""
