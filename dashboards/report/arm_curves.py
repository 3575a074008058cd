"""Curves of all test clips of one trial, with the values by which clips are ranked and described."""

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float
from numpy import ndarray

from core.metrics.curves import pearson, project_on_same
from core.metrics.rates import dominant_rate_hz
from core.storage.curves import curve_array
from dashboards.report.packed_curves import MAX_VALUES, PackedCurve, pack_curve

Curves = Float[ndarray, "clip frame"]
_TEXT_BYTES = 70
"""Size in the page of the names and numbers that accompany a curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveView:
    """A curve as the page shows it."""

    curve: PackedCurve
    rate_hz: float | None
    """Its dominant rate; None if it has no clear one."""
    r: float | None = None
    """Pearson correlation with the true curve; None if it is undefined, or if this is the true curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulationView:
    """Recovered curves of one modulation for one clip; None for those that are unknown."""

    raw: CurveView | None
    """The recovered curve."""
    lls1: CurveView | None
    """The truth as a weight times the recovered curve of the same modulation, plus a bias."""
    lls3: CurveView | None
    """The truth as the best weighted sum of all recovered curves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCurves:
    """Curves of all test clips of one trial, which represents its arm."""

    clip_ids: tuple[str, ...]
    f0_hz: Float[ndarray, " clip"]
    frame_rate: float
    audio_mss: Float[ndarray, " clip"]
    """The metric `audio.mss` per clip."""
    curve_error: Float[ndarray, " clip"] | None
    """The metric `curves.l1.lls3` per clip, a mean over modulations; None if the true curves are unknown."""
    modulations: tuple[str, ...]
    truth: Mapping[str, Curves]
    """True curves by modulation, where known."""
    estimate: Mapping[str, Curves]
    """Recovered curves by modulation."""
    projection: Mapping[str, Curves]
    """LLS 3 projections by modulation, where the truth is known."""

    @property
    def duration_s(self) -> float:
        """Duration of the clips, from the first to the last frame."""
        any_curves = next(iter((*self.estimate.values(), *self.truth.values())))
        return float((any_curves.shape[1] - 1) / self.frame_rate)

    @property
    def bytes_per_clip(self) -> int:
        """Approximate size of a clip's curves in the page."""
        n_frames = min(MAX_VALUES, round(self.duration_s * self.frame_rate) + 1)
        n_curves = 2 * len(self.estimate) + len(self.projection)
        return n_curves * (n_frames * 4 // 3 + _TEXT_BYTES)

    def of_clips(self, clip_ids: Container[str]) -> "ArmCurves":
        """The curves of some clips, in the order of the trial."""
        rows = [row for row, clip_id in enumerate(self.clip_ids) if clip_id in clip_ids]
        truth, estimate, projection = (
            {name: array[rows] for name, array in curves.items()}
            for curves in (self.truth, self.estimate, self.projection)
        )
        return replace(
            self,
            clip_ids=tuple(self.clip_ids[row] for row in rows),
            f0_hz=self.f0_hz[rows],
            audio_mss=self.audio_mss[rows],
            curve_error=None if self.curve_error is None else self.curve_error[rows],
            truth=truth,
            estimate=estimate,
            projection=projection,
        )

    def has_truth_of(self, other: "ArmCurves") -> bool:
        """Whether clips, frame rate and true curves are those of another trial."""
        return (
            self.clip_ids == other.clip_ids
            and self.frame_rate == other.frame_rate
            and self.truth.keys() == other.truth.keys()
            and all(np.array_equal(curves, other.truth[name]) for name, curves in self.truth.items())
        )

    def truth_views(self) -> list[dict[str, CurveView]]:
        """The true curves of each clip by modulation."""
        views = self._views({name: (curves, None) for name, curves in self.truth.items()})
        return [{name: of_name[clip] for name, of_name in views.items()} for clip in range(len(self.clip_ids))]

    def modulation_views(self) -> list[dict[str, ModulationView]]:
        """The recovered curves of each clip by modulation."""
        lls1 = {name: _lls1(self.truth[name], curves) for name, curves in self.estimate.items() if name in self.truth}
        by_kind = [
            self._views({name: (array, self.truth.get(name)) for name, array in curves.items()})
            for curves in (self.estimate, lls1, self.projection)
        ]
        none = [None] * len(self.clip_ids)

        def view(name: str, clip: int) -> ModulationView:
            raw, lls1_view, lls3 = (views.get(name, none)[clip] for views in by_kind)
            return ModulationView(raw=raw, lls1=lls1_view, lls3=lls3)

        return [{name: view(name, clip) for name in self.modulations} for clip in range(len(self.clip_ids))]

    def _views(self, curves: Mapping[str, tuple[Curves, Curves | None]]) -> dict[str, list[CurveView]]:
        """Views by modulation, one per clip, given curves and the truth with which they are compared, if any."""
        if not curves:
            return {}
        stacked = torch.tensor(np.stack([array for array, _ in curves.values()]))
        rates = dominant_rate_hz(stacked, self.frame_rate).tolist()
        undefined = np.full_like(next(iter(curves.values()))[0], np.nan)
        truth = torch.tensor(np.stack([undefined if true is None else true for _, true in curves.values()]))
        correlations = pearson(truth, stacked).tolist()
        return {
            name: [
                CurveView(curve=pack_curve(curve), rate_hz=_rounded(rate, 3), r=_rounded(r, 4))
                for curve, rate, r in zip(array, rates[index], correlations[index], strict=True)
            ]
            for index, (name, (array, _)) in enumerate(curves.items())
        }


def arm_curves(table: pa.Table) -> ArmCurves | None:
    """The curves of a trial from its rows of the table of curves; None if there are no rows."""
    if not table.num_rows:
        return None
    modulations = table["modulation"].to_pylist()
    names = tuple(dict.fromkeys(modulations))
    of_name = {name: table.take([row for row, of in enumerate(modulations) if of == name]) for name in names}
    first = of_name[names[0]]
    truth, estimate, projection = (
        {name: curves for name in names if (curves := curve_array(of_name[name][column])) is not None}
        for column in ("target", "estimate", "projection")
    )
    errors = [np.abs(projection[name] - truth[name]).mean(1) for name in truth if name in projection]
    return ArmCurves(
        clip_ids=tuple(first["clip_id"].to_pylist()),
        f0_hz=first["f0_hz"].to_numpy(),
        frame_rate=float(first["frame_rate"][0].as_py()),
        audio_mss=first["audio_mss"].to_numpy(),
        curve_error=np.mean(errors, axis=0) if errors else None,
        modulations=names,
        truth=truth,
        estimate=estimate,
        projection=projection,
    )


# ---------------------------------------------------------------------------------------------------------------------


def _lls1(truth: Curves, estimate: Curves) -> Curves:
    """Each true curve as a weight times the recovered one, plus a bias."""
    return np.asarray(project_on_same(torch.tensor(truth)[:, None], torch.tensor(estimate)[:, None])[:, 0].numpy())


def _rounded(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None
