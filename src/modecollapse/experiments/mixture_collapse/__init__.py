"""How often a two-component mixture collapses on the targets that flows are trained on."""
