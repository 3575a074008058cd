"""Durations as text, in a module of its own because commands that only print them must not import torch."""


def duration(seconds: float) -> str:
    """A duration as text with a suitable unit, such as `45 s`, `12 min` or `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
