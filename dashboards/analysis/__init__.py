"""Analysis of trial records: means with intervals, paired comparisons, Pareto fronts and hypervolumes."""
