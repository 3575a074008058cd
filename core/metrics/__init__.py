"""Metrics: scalar measures of a trial, each with a name, a direction and a unit; not differentiated."""
