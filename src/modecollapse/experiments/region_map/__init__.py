"""What can happen, over (target weight, separation)."""
