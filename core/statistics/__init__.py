"""Statistics that studies decide with: Pareto fronts, paired comparisons, races over seeds, picks and optimism."""
