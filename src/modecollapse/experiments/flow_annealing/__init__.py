"""How often annealed flows collapse, over the initial β and the time of annealing."""
