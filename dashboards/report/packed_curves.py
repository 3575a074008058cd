"""Curves as text for the page: one byte per value, in base64."""

import base64
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

MAX_VALUES = 1000
"""Values of a packed curve, more than a plot has pixels across."""
_GAP = 255
"""Byte of an undefined value."""
_TOP = 254
"""Byte of the largest value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedCurve:
    """A curve over a clip, quantised to 255 levels between its own extremes."""

    lo: float
    """Smallest value, byte 0."""
    hi: float
    """Largest value, byte 254; byte 255 is an undefined value."""
    data: str
    """The bytes in base64, at equal distances over the clip."""

    @property
    def n_bytes(self) -> int:
        """Size in the page."""
        return len(self.data)


def pack_curve(values: Float[ndarray, " frame"], max_values: int = MAX_VALUES) -> PackedCurve:
    """Pack a curve; the error is at most 1/508 of the distance between its extremes.

    A curve with more than `max_values` frames is reduced to the extremes of `max_values / 2` bins, in their order, so
    that fast oscillations remain visible.
    """
    array = np.asarray(values, dtype=np.float64)
    if len(array) > max_values:
        array = _extremes(array, max_values // 2)
    is_defined = np.isfinite(array)
    if not is_defined.any():
        return PackedCurve(lo=0.0, hi=0.0, data=_base64(np.full(len(array), _GAP)))
    lo, hi = float(array[is_defined].min()), float(array[is_defined].max())
    levels = np.round((np.where(is_defined, array, lo) - lo) / ((hi - lo) or 1.0) * _TOP)
    return PackedCurve(lo=round(lo, 6), hi=round(hi, 6), data=_base64(np.where(is_defined, levels, _GAP)))


# ---------------------------------------------------------------------------------------------------------------------


def _extremes(array: Float[ndarray, " frame"], n_bins: int) -> Float[ndarray, " value"]:
    """Minimum and maximum of each bin, the earlier one first; NaN where a bin has undefined values only."""
    values: list[float] = []
    for piece in np.array_split(array, n_bins):
        if not np.isfinite(piece).any():
            values += [np.nan, np.nan]
            continue
        first, last = sorted((int(np.nanargmin(piece)), int(np.nanargmax(piece))))
        values += [float(piece[first]), float(piece[last])]
    return np.asarray(values)


def _base64(levels: Float[ndarray, " value"]) -> str:
    return base64.b64encode(levels.astype(np.uint8).tobytes()).decode("ascii")
