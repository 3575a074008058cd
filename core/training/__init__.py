"""From a resolved config to a trained model and a committed record."""
