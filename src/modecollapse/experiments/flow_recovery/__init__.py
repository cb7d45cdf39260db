"""Whether collapsed flows recover with longer training."""
