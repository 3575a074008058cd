"""From a study file to a plan of trials, and the resources and time they need."""
