"""Parameterizations: maps from the logits of the encoder to modulation curves in 0..1, and baselines."""
