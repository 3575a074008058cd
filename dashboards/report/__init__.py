"""The report of a study: a self-contained HTML page, `summary.json` and `front.png`."""
