"""What may vary: typed domains over dotted config paths, ablation designs, and study files."""
