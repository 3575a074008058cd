"""Differentiable operations on tensors, one per file: slow reference, compiled kernel and gradient. See README.md."""
