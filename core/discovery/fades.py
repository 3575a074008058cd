"""How the strength of an LFO changes: it begins late, fades in or out, or dies away as the note does."""

from dataclasses import dataclass, replace
from typing import Literal, assert_never

import numpy as np
from jaxtyping import Float
from numpy import ndarray

_STEPS = 12
"""Parts of a curve between which fades begin and end."""
_FINER_STEPS = 4
"""Parts of such a part, between which they are refined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fade:
    """A strength that rises from 0 to 1 or falls to 0 between two times, or decays exponentially from 1."""

    kind: Literal["in", "out", "decay"]
    start_s: float
    end_s: float
    """Of a decay, when it has fallen to 1 / e."""

    def at(self, time_s: Float[ndarray, " frame"]) -> Float[ndarray, " frame"]:
        """The strength in 0..1."""
        since = (time_s - self.start_s) / max(self.end_s - self.start_s, 1e-6)
        match self.kind:
            case "in":
                return np.asarray(np.clip(since, 0.0, 1.0))
            case "out":
                return np.asarray(1.0 - np.clip(since, 0.0, 1.0))
            case "decay":
                return np.asarray(np.exp(-np.maximum(since, 0.0)))
            case _:
                assert_never(self.kind)


def possible_fades(time_s: Float[ndarray, " frame"]) -> list[Fade]:
    """Fades from and to twelfths of a curve, and decays of a twelfth to twice the curve."""
    first_s, step_s = float(time_s[0]), _step_s(time_s)
    edges = [first_s + index * step_s for index in range(_STEPS + 1)]
    lines = [
        Fade(kind=kind, start_s=start_s, end_s=end_s)
        for kind in ("in", "out")
        for index, start_s in enumerate(edges[:-1])
        for end_s in edges[index:]
    ]
    decays = [Fade(kind="decay", start_s=first_s, end_s=first_s + 2.0 ** (power / 2) * step_s) for power in range(10)]
    return [*lines, *decays]


def fades_near(fade: Fade, time_s: Float[ndarray, " frame"]) -> list[Fade]:
    """A fade and others that begin and end up to half a twelfth of a curve away from it."""
    step_s = _step_s(time_s) / _FINER_STEPS
    offsets = [step_s * index for index in range(-_FINER_STEPS // 2, _FINER_STEPS // 2 + 1)]
    starts = [0.0] if fade.kind == "decay" else offsets
    near = [replace(fade, start_s=fade.start_s + a, end_s=fade.end_s + b) for a in starts for b in offsets]
    return [other for other in near if other.end_s > other.start_s or (other == fade)]


def _step_s(time_s: Float[ndarray, " frame"]) -> float:
    return float(time_s[-1] - time_s[0]) / _STEPS
