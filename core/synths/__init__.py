"""Differentiable synths, one per file, the modules they consist of, and their construction from configs."""
