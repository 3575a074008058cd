"""Reads finished results through the core, computes fronts and statistics, and draws them."""
