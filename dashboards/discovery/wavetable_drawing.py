"""A wavetable as a drawing: its cycles one behind the other, the first in front."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

MAX_CYCLES, N_POINTS = 18, 160
"""Most cycles that are drawn, and points of each."""
WIDTH, HEIGHT = 400.0, 220.0
"""Size of the drawing, in its own units."""
_SHIFT, _RISE, _AMPLITUDE = 0.26, 0.52, 0.21
"""How far the last cycle is to the right and above the first, and the height of the largest peak, in its size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleView:
    """A cycle of the drawing."""

    path: str
    """SVG path in a box of `WIDTH` x `HEIGHT`."""
    cover: str
    """SVG path of the area below it, which hides the cycles behind."""
    position: float
    """Position in the table, 0..1."""


def wavetable_drawing(table: Float[ndarray, "position sample"]) -> tuple[CycleView, ...]:
    """Cycles of a table at equal distances over its positions, the hindmost first, so that each covers those behind."""
    table = np.asarray(table, dtype=np.float64)
    n_cycles = min(len(table), MAX_CYCLES)
    rows = np.round(np.linspace(0, len(table) - 1, n_cycles)).astype(int)
    largest = float(np.abs(table).max()) or 1.0
    x = np.linspace(0, table.shape[1], N_POINTS)
    views = []
    for row in rows[::-1]:
        # The cycle is closed: after its last sample comes its first.
        y = np.interp(x, np.arange(table.shape[1] + 1), np.append(table[row], table[row, 0])) / largest
        position = float(row / max(len(table) - 1, 1))
        across = WIDTH * (position * _SHIFT + (1 - _SHIFT) * np.linspace(0, 1, N_POINTS))
        base = HEIGHT * (1 - _AMPLITUDE - 0.02 - _RISE * position)
        points = zip(across.tolist(), (base - HEIGHT * _AMPLITUDE * y).tolist(), strict=True)
        path = "M" + "L".join(f"{left:.1f} {top:.1f}" for left, top in points)
        cover = f"{path}V{base + HEIGHT * _AMPLITUDE:.1f}H{across[0]:.1f}Z"
        views.append(CycleView(path=path, cover=cover, position=position))
    return tuple(views)
