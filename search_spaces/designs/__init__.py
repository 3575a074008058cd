"""Designs: strategies that propose all arms of a study at once, one design per file."""
