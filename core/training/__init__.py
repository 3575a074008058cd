"""Training: resolving configs, models, optimizers, the training loop, checkpoints and complete trials."""
