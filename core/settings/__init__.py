"""Settings of a trial: frozen dataclasses whose fields are annotated with range, unit and description."""
