"""Losses: differentiable distances between target and estimate sound."""
