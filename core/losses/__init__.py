"""Losses: differentiable distances between target and estimated sound."""
