"""Pages of discovered sounds: one of a sound with its curves, to see and to hear, and an index of several."""
