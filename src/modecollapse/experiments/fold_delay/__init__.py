"""How long a run waits where collapse is about to be born."""
