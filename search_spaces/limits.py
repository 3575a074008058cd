"""Largest sizes of what a study file may contain; those of settings are in the annotations of their config classes."""

MAX_TRIALS = 100_000
"""Largest number of trials of a study."""
MAX_CELLS = 1_000
"""Largest number of cells of a search, each of which has a space and a sampler of its own."""
MAX_DIMENSIONS = 100
"""Largest number of dimensions of a space."""
MAX_TEXT = 500
"""Largest number of characters of a path, of the name of a metric and of other short texts."""
MAX_QUESTION = 2_000
"""Largest number of characters of the question of a study."""
MAX_OBJECTIVES = 16
"""Largest number of objectives."""
MAX_ENTRIES = 1_000
"""Largest number of contrasts, of margins, and of settings in a table."""
MAX_RESOURCES = 32
"""Largest number of entries of resources, and of patterns of arms in each."""
MAX_SEEDS = 1_000_000
"""Largest number of seeds that are counted; a study has no more than `MAX_TRIALS`."""
MAX_RACE_SEEDS = 1_000
"""Largest number of seeds of an arm of a race."""
