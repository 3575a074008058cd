"""Plans, runs, tracks and resumes studies; the command line."""
