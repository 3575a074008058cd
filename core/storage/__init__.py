"""Storage: records, curves and sounds of studies in a store, and the user's cache folder."""
