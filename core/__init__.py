"""Modulation discovery with differentiable synthesizers: the science, free of any experiment framework."""
