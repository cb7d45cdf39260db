"""How often q collapses, against separation, dimension and target weight."""
