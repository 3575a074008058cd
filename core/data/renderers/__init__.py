"""Real synths that make labelled sound; each needs an optional extra, imported only when it renders."""
