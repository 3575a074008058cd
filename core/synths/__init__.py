"""Differentiable synths: building blocks, one file per synth, and `build` from configs."""
