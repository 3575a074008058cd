"""Delivers a study to MLflow."""
