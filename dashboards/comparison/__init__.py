"""Comparison of studies: their fronts, the arms that they have in common, and what changed between their plans."""
