"""Designs, one per file: strategies that propose all their arms at once."""
