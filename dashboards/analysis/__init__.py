"""From records to numbers: means with intervals, paired comparisons, Pareto fronts, and what may be said of them."""
