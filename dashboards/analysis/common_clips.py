"""Metrics of arms on the same clips and modulations.

A metric such as total variation is undefined for flat curves. If each arm were averaged over the curves that it has
defined, arms would be compared on different clips, and one that flattens its difficult curves would look better. So a
mean is taken over those pairs of clip and modulation that are defined for all arms that are compared.

Arms with many undefined values leave few common pairs. They are admitted in order of increasing number of undefined
values, as long as `MIN_SHARE` of all pairs remains. Of the others, those with at most `MAX_UNDEFINED` are averaged over
the common pairs that they have defined, nearly all of them; the rest cannot be compared in this metric.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from core.metrics.catalog import metric_of
from core.storage.clip_values import ClipValues
from dashboards.analysis.arm_results import ArmResult

MIN_SHARE = 0.25
"""Smallest share of the pairs of clip and modulation that arms are compared on."""
MAX_UNDEFINED = 0.1
"""Largest share of undefined pairs of an arm that is compared although it would leave too few common ones."""
ReadClipValues = Callable[[str, Collection[str]], ClipValues | None]
"""Returns the values per clip of the trial with a digest in metrics of these names; None if they are not stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonClips:
    """Means of one metric over the pairs of clip and modulation that are defined for all compared arms."""

    metric: str
    """Full name without its modulation."""
    compared: tuple[str, ...]
    """Names of the arms that have all common pairs defined."""
    partial: tuple[str, ...]
    """Names of the other arms that are compared, over those common pairs that they have defined."""
    excluded: Mapping[str, float]
    """Share of undefined pairs by name of the arms that cannot be compared."""
    n_common: float
    """Number of pairs that a mean is taken over, as a mean over seeds."""
    n_pairs: float
    """Number of all pairs, as a mean over seeds."""
    undefined: Mapping[str, float]
    """Share of the pairs that are undefined for each arm, over its finished seeds."""
    values: Mapping[str, Mapping[str, Mapping[int, float]]]
    """Values by full name with or without modulation, arm and seed; without undefined ones."""

    @property
    def share_left_out(self) -> float:
        """Share of the pairs that no mean is taken over."""
        return 1 - self.n_common / self.n_pairs if self.n_pairs else 0.0


def common_clips(arms: Sequence[ArmResult], read: ReadClipValues) -> dict[str, CommonClips]:
    """Means over common pairs of each metric that is undefined for some pairs of an eligible arm.

    Args:
        arms: All arms of a study. Baselines and static arms have means over those common pairs that they have defined.
        read: Returns the values per clip of a trial.

    Returns:
        Means by full name of the metric without its modulation; none if an eligible arm lacks values per clip.
    """
    metrics = dict.fromkeys(name for arm in arms if arm.is_eligible for name in arm.undefined)
    if not metrics:
        return {}
    trials = [
        (arm, trial.seed, values)
        for arm in arms
        for trial in arm.finished
        if (values := read(trial.digest, metrics)) is not None or arm.is_eligible
    ]
    stored = [_Trial(arm, seed, values) for arm, seed, values in trials if values is not None]
    return {} if len(stored) < len(trials) else {metric: _common(metric, stored) for metric in metrics}


# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Trial:
    """A finished trial with its values per clip."""

    arm: ArmResult
    seed: int
    clips: ClipValues


@dataclass(frozen=True, slots=True)
class _Values:
    """Values of one metric of all trials."""

    values: Float[ndarray, "trial clip modulation"]
    """NaN where undefined, not applicable, or without the clip."""
    applies: Bool[ndarray, "trial modulation"]
    modulations: tuple[str, ...]

    @property
    def undefined(self) -> Bool[ndarray, "trial clip modulation"]:
        """Pairs that a trial should have a value of, but has not."""
        return np.asarray(np.isnan(self.values) & self.applies[:, None, :])


def _common(metric: str, trials: Sequence[_Trial]) -> CommonClips:
    """Means of a metric over common pairs."""
    table = _values(metric, trials)
    names = [trial.arm.name for trial in trials]
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows_of.setdefault(name, []).append(row)
    n_undefined, n_pairs = table.undefined.sum(axis=(1, 2)), table.applies.sum(axis=1) * table.values.shape[1]
    share = {name: float(n_undefined[rows].sum() / max(n_pairs[rows].sum(), 1)) for name, rows in rows_of.items()}
    # Arms of equal shares are in the order of the plan.
    eligible = sorted(
        dict.fromkeys(trial.arm.name for trial in trials if trial.arm.is_eligible), key=lambda n: share[n]
    )
    common, compared = _common_pairs(table, trials, eligible)
    excluded = {name: share[name] for name in eligible if name not in compared and share[name] > MAX_UNDEFINED}
    applies = table.applies[[trial.arm.name in compared for trial in trials]].any(axis=0)
    values: dict[str, dict[str, dict[int, float]]] = {}
    for row, trial in enumerate(trials):
        if trial.seed not in common or trial.arm.name in excluded:
            continue
        for name, value in _means(metric, table, row, common[trial.seed]).items():
            values.setdefault(name, {}).setdefault(trial.arm.name, {})[trial.seed] = value
    return CommonClips(
        metric=metric,
        compared=tuple(name for name in dict.fromkeys(names) if name in compared),
        partial=tuple(name for name in eligible if name not in compared and name not in excluded),
        excluded=excluded,
        n_common=float(np.mean([pairs[:, applies].sum() for pairs in common.values()])),
        n_pairs=float(table.values.shape[1] * applies.sum()),
        undefined=share,
        values=values,
    )


def _values(metric: str, trials: Sequence[_Trial]) -> _Values:
    """Values of a metric of all trials, on all clips and modulations that any of them has."""
    clip_ids = list(dict.fromkeys(clip_id for trial in trials for clip_id in trial.clips.clip_ids))
    modulations = list(dict.fromkeys(name for trial in trials for name in trial.clips.modulations))
    values = np.full((len(trials), len(clip_ids), len(modulations)), np.nan, dtype=np.float32)
    applies = np.zeros((len(trials), len(modulations)), dtype=bool)
    row_of = {clip_id: row for row, clip_id in enumerate(clip_ids)}
    for index, trial in enumerate(trials):
        if metric in trial.clips.columns:
            rows = [row_of[clip_id] for clip_id in trial.clips.clip_ids]
            columns = [modulations.index(name) for name in trial.clips.modulations]
            values[index][np.ix_(rows, columns)] = trial.clips.columns[metric]
            applies[index, columns] = trial.clips.applies[metric]
    return _Values(values, applies, tuple(modulations))


def _common_pairs(
    table: _Values, trials: Sequence[_Trial], eligible: Sequence[str]
) -> tuple[dict[int, Bool[ndarray, "clip modulation"]], set[str]]:
    """Pairs that are defined for all compared arms, by seed, and the names of these arms."""
    rows_of: dict[str, list[int]] = {name: [] for name in eligible}
    for row, trial in enumerate(trials):
        if trial.arm.name in rows_of:
            rows_of[trial.arm.name].append(row)
    applies = table.applies[[row for rows in rows_of.values() for row in rows]].any(axis=0)
    undefined = table.undefined
    everything = np.ones(table.values.shape[1:], dtype=bool) & applies
    common = {trial.seed: everything for trial in trials if trial.arm.name in rows_of}
    compared: set[str] = set()
    for name, rows in rows_of.items():
        narrowed = {trials[row].seed: common[trials[row].seed] & ~undefined[row] for row in rows}
        if compared and min(pairs.sum() for pairs in narrowed.values()) < MIN_SHARE * everything.sum():
            break
        common |= narrowed
        compared.add(name)
    return common, compared


def _means(metric: str, table: _Values, row: int, common: Bool[ndarray, "clip modulation"]) -> dict[str, float]:
    """Means of a trial over the common pairs that it has defined, by full name; without modulations that have none.

    The name without modulation has the mean over modulations, as in `core.metrics.evaluation`.
    """
    values = table.values[row].astype(np.float64)
    is_used = common & ~np.isnan(values)
    counts = is_used.sum(axis=0)
    if not counts.any():
        return {}
    means = np.where(is_used, values, 0.0).sum(axis=0)[counts > 0] / counts[counts > 0]
    if not metric_of(metric).is_per_modulation:
        return {metric: float(means[0])}
    names = [name for name, count in zip(table.modulations, counts, strict=True) if count]
    return {metric: float(means.mean())} | {
        f"{metric}.{name}": float(mean) for name, mean in zip(names, means, strict=True)
    }
