"""Samplers, one per file, which choose the points of a space that a search tries."""
