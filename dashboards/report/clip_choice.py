"""Which arms and clips the page has: not all curves of a large study fit.

The arms on the front come first, then baselines and the remaining arms in the order of the plan. Clips with stored
sounds come first, then the best, median and worst clip of the front's mean and of each arm, then the remaining ones.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from dashboards.analysis.arm_results import ArmResult
from dashboards.report.arm_curves import ArmCurves

MAX_FRONT_ARMS = 24
"""Arms on the front that the page has."""
MAX_OTHER_ARMS = 8
"""Further arms that the page has."""
SOUND, CURVES = "audio.mss", "curves.l1.lls3"
"""Metrics by which clips are ranked; smaller is better for both."""
FRONT_MEAN = ""
"""Key of the ranking by the mean over the arms of the front, which is the name of no arm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The best, median and worst clip by a metric."""

    best: str
    median: str
    worst: str

    @property
    def clip_ids(self) -> tuple[str, str, str]:
        """The three clips."""
        return self.best, self.median, self.worst


Rankings = Mapping[str, Mapping[str, Ranking]]
"""Rankings by metric, then by arm or `FRONT_MEAN`."""


def chosen_arms(arms: Sequence[ArmResult]) -> list[ArmResult]:
    """The arms with a finished trial that the page has, in the order of the plan."""
    finished = [arm for arm in arms if arm.finished]
    front = [arm for arm in finished if arm.on_front][:MAX_FRONT_ARMS]
    others = sorted((arm for arm in finished if not arm.on_front), key=lambda arm: not arm.is_baseline)
    names = {arm.name for arm in (*front, *others[:MAX_OTHER_ARMS])}
    return [arm for arm in finished if arm.name in names]


def rankings(curves: Mapping[str, ArmCurves], front: Iterable[str]) -> Rankings:
    """Best, median and worst clip of each arm, and of the mean over the arms of the front.

    Without an arm on the front, the mean is over all arms. It covers the clips that all of these have.

    Args:
        curves: Curves by arm.
        front: Names of the arms on the front.
    """
    averaged = [name for name in front if name in curves] or list(curves)
    values: dict[str, dict[str, dict[str, float]]] = {SOUND: {}, CURVES: {}}
    for name, arm in curves.items():
        values[SOUND][name] = _by_clip(arm, arm.audio_mss)
        if arm.curve_error is not None:
            values[CURVES][name] = _by_clip(arm, arm.curve_error)
    found: dict[str, dict[str, Ranking]] = {}
    for metric, by_arm in values.items():
        mean = _mean_by_clip([by_arm[name] for name in averaged if name in by_arm])
        by_arm = {FRONT_MEAN: mean, **by_arm}
        ranked = {name: ranking for name, clips in by_arm.items() if (ranking := _ranking(clips))}
        if ranked:
            found[metric] = ranked
    return found


def clips_by_priority(curves: Mapping[str, ArmCurves], with_sound: Iterable[str], ranked: Rankings) -> Iterator[str]:
    """Ids of all clips of these arms, the most important ones first."""
    of_front = (ranking.clip_ids for by_arm in ranked.values() if (ranking := by_arm.get(FRONT_MEAN)))
    of_arms = (ranking.clip_ids for by_arm in ranked.values() for ranking in by_arm.values())
    rest = (arm.clip_ids for arm in curves.values())
    groups = (tuple(with_sound), *of_front, *of_arms, *rest)
    return iter(dict.fromkeys(clip_id for group in groups for clip_id in group))


# ---------------------------------------------------------------------------------------------------------------------


def _by_clip(arm: ArmCurves, values: Float[ndarray, " clip"]) -> dict[str, float]:
    """Values by clip, without undefined ones."""
    pairs = zip(arm.clip_ids, values, strict=True)
    return {clip_id: float(value) for clip_id, value in pairs if np.isfinite(value)}


def _mean_by_clip(arms: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Means over the arms, of the clips that all of them have."""
    shared = [clip_id for clip_id in arms[0] if all(clip_id in arm for arm in arms)] if arms else []
    return {clip_id: float(np.mean([arm[clip_id] for arm in arms])) for clip_id in shared}


def _ranking(values: Mapping[str, float]) -> Ranking | None:
    """Best, median (the lower one of two) and worst clip, smaller values being better; None without values."""
    if not values:
        return None
    ordered = sorted(values, key=lambda clip_id: values[clip_id])
    return Ranking(best=ordered[0], median=ordered[(len(ordered) - 1) // 2], worst=ordered[-1])
