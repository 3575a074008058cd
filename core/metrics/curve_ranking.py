"""Single curves and groups of curves ranked by a metric, computed from the curve files of one or many studies.

Files are read as a stream, so only the worst curves and the sums of the groups are held. Metrics are those of the
catalogue that follow from stored curves: distances of recovered and true curves (raw, LLS 1 or LLS 3), properties of
recovered curves, and the stored `audio.mss` of each clip.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from core.errors import ConfigError
from core.metrics.audio import MSS
from core.metrics.base import (
    AudioDistance,
    AudioProxy,
    CurveDescription,
    CurveDistance,
    CurveProperty,
    CurveRate,
    HeldDistance,
    Metric,
    TrialCost,
)
from core.metrics.catalog import METRICS
from core.metrics.curves import project_on_same
from core.ops.threads import one_thread
from core.storage.curve_catalog import CurveBatch, CurveCatalog, CurveFile
from core.storage.curves import curve_array

GROUP_COLUMNS = ("study", "arm", "seed", "clip_id", "modulation")
"""Columns by which curves may be grouped."""


@dataclass(frozen=True, slots=True)
class CurveMeasure:
    """A metric that is computed from a row of a curve file."""

    metric: Metric
    projection: str = ""
    """Projection of the true on the recovered curves: `lls1` or `lls3`; empty for none."""

    @property
    def name(self) -> str:
        """Full name of the metric, such as `curves.pcc.lls3`."""
        return ".".join(part for part in (self.metric.name, self.projection) if part)

    @property
    def largest_is_worst(self) -> bool:
        """Whether large values are ranked first; small ones are for similarities, and for the range: flat curves."""
        return self.metric.direction == "minimize"

    @property
    def is_per_clip(self) -> bool:
        """Whether all modulations of a clip share one value."""
        return not self.metric.is_per_modulation

    def values(self, rows: pa.RecordBatch) -> Float[ndarray, " row"]:
        """Value of each row of a curve file; NaN where it is undefined or a curve that it needs is unknown."""
        match self.metric.compute:
            case AudioDistance():
                return np.asarray(rows["audio_mss"].to_numpy(zero_copy_only=False), dtype=np.float64)
            case CurveDistance(function):
                columns = ("target", "projection" if self.projection == "lls3" else "estimate")
                known, (target, estimate) = _known_curves(rows, *columns)
                if self.projection == "lls1":
                    estimate = project_on_same(target, estimate)
                return _spread(function(target, estimate), known)
            case CurveProperty(function):
                known, (estimate,) = _known_curves(rows, "estimate")
                return _spread(function(estimate, rows["frame_rate"][0].as_py()), known)
            case AudioProxy() | TrialCost() | CurveDescription() | CurveRate() | HeldDistance():
                raise AssertionError(f"curve_measure gives no measure for {self.metric.name}")
            case _:
                assert_never(self.metric.compute)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedCurve:
    """A curve with its value of the measure."""

    file: CurveFile
    row: int
    """Index of its row in the file."""
    clip_id: str
    modulation: str | None
    """Name of the modulation; None if the measure has one value for all modulations of a clip."""
    value: float
    largest_error_s: float | None
    """Time in s at which recovered and true curve differ most; None if either is unknown, or there is no modulation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The worst of many curves."""

    measure: CurveMeasure
    curves: tuple[RankedCurve, ...]
    """Worst first; equal values in the order of the files."""
    n_ranked: int
    """Number of curves (of clips, for a measure per clip) with a value."""
    n_undefined: int
    """Number without a value: flat curves, or curves without truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMean:
    """Mean of a measure over the curves of a group."""

    group: tuple[str | int, ...]
    """Value of each column of the grouping."""
    mean: float | None
    """Mean of the defined values; None if there is none."""
    n: int
    """Number of defined values."""
    n_undefined: int


def curve_measure(name: str) -> CurveMeasure:
    """The measure of a name: a metric's full name without modulation, or the name without its group, such as `l1.lls3`.

    Raises:
        ConfigError: no such metric can be computed from curve files.
    """
    measures = [
        CurveMeasure(metric, projection)
        for metric in METRICS
        if metric.name == MSS.name or isinstance(metric.compute, CurveDistance | CurveProperty)
        for projection in ("", *metric.projections)
    ]
    for measure in measures:
        if name in (measure.name, measure.name.partition(".")[2]):
            return measure
    known = ", ".join(measure.name.partition(".")[2] for measure in measures)
    raise ConfigError(f"curves can be ranked by {known}; got {name!r}")


def worst_curves(catalog: CurveCatalog, n: int, by: str = "l1") -> Ranking:
    """The `n` worst curves by a measure.

    Distances rank the largest values first, correlations the smallest, the range of the recovered curve the smallest.
    A measure of the sound (`mss`) ranks clips instead of curves.

    Raises:
        ConfigError: `by` is not the name of a measure, or n is not positive.
        StoreError: a curve file cannot be read.
    """
    if n < 1:
        raise ConfigError(f"the number of worst curves must be positive; got {n}")
    measure = curve_measure(by)
    sign = -1.0 if measure.largest_is_worst else 1.0
    kept: list[tuple[float, CurveFile, int, str, str]] = []
    n_ranked = n_undefined = 0
    for batch, values in _measured(catalog, measure):
        defined = np.flatnonzero(~np.isnan(values))
        n_ranked += len(defined)
        n_undefined += len(values) - len(defined)
        worst = defined[np.argsort(sign * values[defined], kind="stable")[:n]]
        clip_ids, modulations = batch.rows["clip_id"], batch.rows["modulation"]
        kept += [
            (float(values[i]), batch.file, int(batch.indices[i]), clip_ids[i].as_py(), modulations[i].as_py())
            for i in worst.tolist()
        ]
        kept = sorted(kept, key=lambda curve: sign * curve[0])[:n]
    curves = (
        RankedCurve(
            file=file,
            row=row,
            clip_id=clip_id,
            modulation=None if measure.is_per_clip else modulation,
            value=value,
            largest_error_s=None if measure.is_per_clip else _largest_error_s(file.row(row)),
        )
        for value, file, row, clip_id, modulation in kept
    )
    return Ranking(measure=measure, curves=tuple(curves), n_ranked=n_ranked, n_undefined=n_undefined)


def curve_means(catalog: CurveCatalog, group: Sequence[str], by: str = "l1") -> tuple[GroupMean, ...]:
    """Mean of a measure over the curves of each group, worst first; groups without a value last.

    Each curve has the same weight. A measure of the sound (`mss`) counts each clip once.

    Args:
        catalog: Curves to read.
        group: Columns whose values make a group; one group of all curves if it is empty.
        by: Name of the measure.

    Raises:
        ConfigError: `by` or a column of the grouping is unknown, or the measure has no value per modulation.
        StoreError: a curve file cannot be read.
    """
    measure = curve_measure(by)
    for name in group:
        if name not in GROUP_COLUMNS:
            raise ConfigError(f"curves are grouped by {', '.join(GROUP_COLUMNS)}; got {name!r}")
    if measure.is_per_clip and "modulation" in group:
        raise ConfigError(f"{measure.name} is one value per clip, so it cannot be grouped by modulation")
    sums: dict[tuple[str | int, ...], tuple[float, int, int]] = {}
    for batch, values in _measured(catalog, measure):
        of_file = {"study": batch.file.study, "arm": batch.file.arm, "seed": batch.file.seed}
        keys = [
            np.asarray([of_file[name]] * len(values), dtype=object) if name in of_file else _strings(batch.rows[name])
            for name in group
        ]
        for key, own in _by_key(list(zip(*keys, strict=True)) if keys else [()] * len(values), values):
            total, n, n_undefined = sums.get(key, (0.0, 0, 0))
            is_undefined = np.isnan(own)
            n_own = int((~is_undefined).sum())
            sums[key] = (total + float(own[~is_undefined].sum()), n + n_own, n_undefined + len(own) - n_own)
    sign = -1.0 if measure.largest_is_worst else 1.0
    means = [
        GroupMean(group=key, mean=total / n if n else None, n=n, n_undefined=n_undefined)
        for key, (total, n, n_undefined) in sums.items()
    ]
    return tuple(sorted(means, key=lambda each: (each.mean is None, sign * (each.mean or 0.0))))


# ---------------------------------------------------------------------------------------------------------------------


def _measured(catalog: CurveCatalog, measure: CurveMeasure) -> Iterator[tuple[CurveBatch, Float[ndarray, " row"]]]:
    """Batches with the value of each row; of a measure per clip, only the first row of each clip."""
    for batch in catalog.batches():
        if measure.is_per_clip:
            _, first = np.unique(_strings(batch.rows["clip_id"]), return_index=True)
            order = np.sort(first)
            batch = CurveBatch(batch.file, batch.rows.take(pa.array(order)), batch.indices[order])
        with one_thread():
            values = measure.values(batch.rows)
        yield batch, values


def _known_curves(
    rows: pa.RecordBatch, *columns: str
) -> tuple[Bool[ndarray, " row"], list[Float[Tensor, "known 1 frame"]]]:
    """Mask of the rows in which all of these curves are known, and the curves of these rows."""
    known = np.ones(rows.num_rows, dtype=bool)
    for name in columns:
        known &= rows[name].is_valid().to_numpy(zero_copy_only=False)
    some = rows if known.all() else rows.filter(pa.array(known))
    curves = []
    for name in columns:
        array = curve_array(pa.chunked_array([some[name]])) if len(some) else None
        # Mapped files cannot be written, so torch gets a copy.
        curves.append(torch.zeros(0, 1, 2) if array is None else torch.from_numpy(array.copy())[:, None])
    return known, curves


def _spread(values: Float[Tensor, "known 1"], known: Bool[ndarray, " row"]) -> Float[ndarray, " row"]:
    """Values of the known rows among all rows; NaN for the others."""
    spread = np.full(len(known), np.nan)
    spread[known] = values[:, 0].double().numpy()
    return spread


def _strings(column: pa.Array) -> ndarray:
    """A column of strings as an array of objects."""
    return np.asarray(column.to_pylist(), dtype=object)


def _by_key(
    keys: Sequence[tuple[str | int, ...]], values: Float[ndarray, " row"]
) -> Iterator[tuple[tuple[str | int, ...], Float[ndarray, " own"]]]:
    """The different keys with the values of their rows."""
    rows: dict[tuple[str | int, ...], list[int]] = {}
    for index, key in enumerate(keys):
        rows.setdefault(key, []).append(index)
    for key, own in rows.items():
        yield key, values[own]


def _largest_error_s(row: pa.Table) -> float | None:
    """Time at which the recovered and the true curve of a row differ most; None if either is unknown."""
    target, estimate = curve_array(row["target"]), curve_array(row["estimate"])
    if target is None or estimate is None:
        return None
    frame = int(np.abs(target[0].astype(np.float64) - estimate[0]).argmax())
    return frame / float(row["frame_rate"][0].as_py())
