"""Curves as SVG paths."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray


def curve_path(values: Sequence[float | None] | Float[ndarray, " frame"], n_bins: int = 300) -> str:
    """SVG path of a curve with values in 0..1, in a box of 100 x 100, with gaps at undefined frames.

    A curve with more than two frames per bin is reduced to the minimum and the maximum of each bin, so that fast
    oscillations remain visible.
    """
    array = np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)
    positions = np.linspace(0, 100, len(array)) if len(array) > 1 else np.zeros(len(array))
    if len(array) > 2 * n_bins:
        extremes = sorted(
            {
                int(indices[index])
                for indices in np.array_split(np.arange(len(array)), n_bins)
                if np.isfinite(array[indices]).any()
                for index in (np.nanargmin(array[indices]), np.nanargmax(array[indices]))
            }
        )
        array, positions = array[extremes], positions[extremes]
    path, pen_down = [], False
    for position, value in zip(positions, np.clip(array, -0.2, 1.2), strict=True):
        if np.isfinite(value):
            path.append(f"{'L' if pen_down else 'M'}{position:.1f} {100 * (1 - value):.1f}")
        pen_down = bool(np.isfinite(value))
    return "".join(path)
