"""Renderers of labelled sounds with real synths; the optional packages are imported when rendering."""
