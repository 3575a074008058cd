"""Metrics: read-only numbers about a trial, each with one name, a direction and a unit."""
