"""How often each outcome comes about, over (η, separation)."""
