"""Local pages over the studies of a root: an index with live states, and MLflow's server on their database."""
