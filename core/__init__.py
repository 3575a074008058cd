"""Modulation discovery with differentiable synthesizers: settings, models, metrics, data, training and storage.

Nothing here imports an experiment framework (ray, mlflow, optuna, plotly).
"""
