"""How long a component of vanished weight needs to come back."""
