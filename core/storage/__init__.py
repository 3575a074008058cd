"""Everything that is written to disk: the study's store, its records and curves, and the user's cache folder."""
