"""Training runs over seeds, their checkpoints, and the paired comparison of two runs."""
