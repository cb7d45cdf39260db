"""What annealing, trained variances and trained weights each do to the outcome."""
