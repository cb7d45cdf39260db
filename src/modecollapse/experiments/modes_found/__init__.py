"""How many modes a mixture finds, against its number of components, separation and η."""
