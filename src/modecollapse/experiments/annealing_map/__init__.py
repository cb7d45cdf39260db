"""How often annealed mixtures collapse, over the initial β and the time of annealing."""
