"""Environment variables of MLflow, which must be set before it is imported."""

import os

MLFLOW_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # A request that MLflow repeats by itself can create a run twice; a delivery that is tried again looks first.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "8",
}
"""No telemetry, no messages of success, and short waits for a server."""


def set_environment() -> None:
    """Set the environment variables of MLflow, except those that the user has set."""
    for name, value in MLFLOW_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
