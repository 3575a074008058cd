"""Samplers: where in a space a search looks next, one sampler per file."""
