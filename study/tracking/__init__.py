"""Delivery of results to MLflow."""
