"""Planning, execution and tracking of studies, and the command line."""
