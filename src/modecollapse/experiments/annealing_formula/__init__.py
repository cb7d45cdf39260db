"""The predicted probability of collapse under annealing, against the growth of β in a step."""
