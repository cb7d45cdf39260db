"""How often flows collapse, against separation and dimension."""
