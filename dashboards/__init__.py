"""Analysis of study results, and their presentation as HTML report, figure and terminal table."""
