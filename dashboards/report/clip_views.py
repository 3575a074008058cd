"""A few test clips for the page: curves, spectrograms and sounds of every arm.

Every arm shows one seed, the first that it has finished. The page has a size budget: clips are added in order as long
as they fit, the first one always, and those left out are counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from core.metrics.curves import pearson
from core.storage.curves import read_curves
from core.storage.sounds import AUDIO_PREFIX, audio_name
from core.storage.store import Attempt, Store
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.study_results import StudyResults
from dashboards.report.curve_paths import curve_path
from dashboards.report.sounds import data_uri, read_sound, spectral_peak, spectrogram_png, stored_sound

BUDGET_BYTES = 6_000_000
"""Limit of what all clips together add to a page, which also carries 5 MB of plotly."""
FLAC, PNG = "audio/flac", "image/png"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundView:
    """A sound and its spectrogram as data URIs."""

    audio: str
    spectrogram: str

    @property
    def n_bytes(self) -> int:
        return len(self.audio) + len(self.spectrogram)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveView:
    """The curves of one modulation as SVG paths over a box of 100 x 100; each is None where it is unknown."""

    modulation: str
    truth: str | None
    estimate: str | None
    projection: str | None
    """LLS 3: the truth as a weighted sum of all recovered curves."""
    correlation: float | None
    """Pearson correlation of truth and projection on this clip; None where it is undefined."""

    @property
    def n_bytes(self) -> int:
        return sum(len(path) for path in (self.truth, self.estimate, self.projection) if path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmView:
    """One arm's curves and sounds for one clip, none where its data do not have the clip."""

    arm: str
    seed: int
    curves: tuple[CurveView, ...]
    sound: SoundView | None
    own_target: SoundView | None
    """Its target sound, where that differs from the one shown for the clip (arms with different data)."""
    audio_mss: float | None
    correlation: float | None
    """Mean over the modulations of the correlation of truth and projection."""

    @property
    def n_bytes(self) -> int:
        sounds = [sound.n_bytes for sound in (self.sound, self.own_target) if sound]
        return sum(sounds) + sum(curve.n_bytes for curve in self.curves)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipView:
    """One test clip in all arms."""

    clip_id: str
    f0_hz: float
    duration_s: float | None
    """None where no curve is known."""
    target: SoundView | None
    truth: tuple[CurveView, ...]
    """The true curves, none where they are unknown."""
    arms: tuple[ArmView, ...]
    n_silent: int
    """Arms shown without their sound because the page is full."""

    @property
    def n_bytes(self) -> int:
        return (self.target.n_bytes if self.target else 0) + sum(arm.n_bytes for arm in self.arms)


@dataclass(frozen=True, slots=True)
class Gallery:
    """The clips on a page, and the number of clips with stored sounds that are not on it."""

    clips: tuple[ClipView, ...]
    n_left_out: int


@dataclass(frozen=True, slots=True)
class _Source:
    """The trial that an arm is shown by."""

    arm: ArmResult
    seed: int
    attempt: Attempt
    curves: pa.Table

    def rows(self, clip_id: str) -> list[dict[str, Any]]:
        """One row per modulation of the clip, as `core.storage.curves.SCHEMA` describes it."""
        rows: list[dict[str, Any]] = self.curves.filter(pc.equal(self.curves["clip_id"], clip_id)).to_pylist()
        return rows


def gallery(store: Store, results: StudyResults, budget: int = BUDGET_BYTES) -> Gallery:
    """The clips whose sounds are stored, in order, as far as the budget allows.

    Args:
        store: The study's store.
        results: Its results.
        budget: Size limit in bytes of the page.
    """
    sources = [source for arm in results.arms if (source := _source(store, arm))]
    clip_ids = list(dict.fromkeys(clip_id for source in sources for clip_id in _clips_with_sound(source)))
    clips: list[ClipView] = []
    used = 0
    for clip_id in clip_ids:
        clip = _clip(clip_id, sources, budget)
        if clips and used + clip.n_bytes > budget:
            break
        clips.append(clip)
        used += clip.n_bytes
    return Gallery(tuple(clips), len(clip_ids) - len(clips))


# ---------------------------------------------------------------------------------------------------------------------


def _source(store: Store, arm: ArmResult) -> _Source | None:
    for trial in arm.finished:
        attempt = store.committed(trial.digest)
        if attempt is not None:
            return _Source(arm, trial.seed, attempt, read_curves(store, [trial.digest]))
    return None


def _clips_with_sound(source: _Source) -> Iterator[str]:
    stored = {f"{AUDIO_PREFIX}/{name}" for name in source.attempt.names(AUDIO_PREFIX)}
    for clip_id in pc.unique(source.curves["clip_id"]).to_pylist():
        if audio_name(clip_id, "estimate") in stored:
            yield clip_id


def _clip(clip_id: str, sources: Sequence[_Source], budget: int) -> ClipView:
    shown = next((data for source in sources if (data := stored_sound(source.attempt, clip_id, "target"))), None)
    # Arms on the front get their sounds first if not all fit; they are still shown in the order of the plan.
    by_priority = sorted(sources, key=lambda source: (not source.arm.on_front, source.arm.is_baseline))
    views: dict[str, ArmView] = {}
    used = n_silent = 0
    for source in by_priority:
        view = _arm(clip_id, source, shown)
        if used + view.n_bytes > budget:
            view = replace(view, sound=None, own_target=None)
            n_silent += 1
        used += view.n_bytes
        views[source.arm.name] = view
    arms = tuple(views[source.arm.name] for source in sources)
    rows = [row for source in sources for row in source.rows(clip_id)]
    return ClipView(
        clip_id=clip_id,
        f0_hz=rows[0]["f0_hz"],
        duration_s=next((duration for row in rows if (duration := _duration_s(row))), None),
        target=_sound(shown, shown) if shown else None,
        truth=next((truth for arm in arms if (truth := tuple(curve for curve in arm.curves if curve.truth))), ()),
        arms=arms,
        n_silent=n_silent,
    )


def _arm(clip_id: str, source: _Source, shown: bytes | None) -> ArmView:
    rows = source.rows(clip_id)
    target = stored_sound(source.attempt, clip_id, "target")
    estimate = stored_sound(source.attempt, clip_id, "estimate")
    curves = tuple(map(_curve, rows))
    correlations = [curve.correlation for curve in curves if curve.correlation is not None]
    return ArmView(
        arm=source.arm.name,
        seed=source.seed,
        curves=curves,
        sound=_sound(estimate, target) if estimate else None,
        own_target=_sound(target, target) if target and target != shown else None,
        audio_mss=rows[0]["audio_mss"] if rows else None,
        correlation=float(np.mean(correlations)) if correlations else None,
    )


def _sound(data: bytes, target: bytes | None) -> SoundView:
    """A sound for the page, its spectrogram on the scale of its target's."""
    samples, sample_rate = read_sound(data)
    peak = spectral_peak(*read_sound(target)) if target else None
    return SoundView(audio=data_uri(data, FLAC), spectrogram=data_uri(spectrogram_png(samples, sample_rate, peak), PNG))


def _curve(row: dict[str, Any]) -> CurveView:
    truth, estimate, projection = (row[column] for column in ("target", "estimate", "projection"))
    return CurveView(
        modulation=row["modulation"],
        truth=curve_path(truth) if truth else None,
        estimate=curve_path(estimate) if estimate else None,
        projection=curve_path(projection) if projection else None,
        correlation=_correlation(truth, projection) if truth and projection else None,
    )


def _correlation(truth: Sequence[float], projection: Sequence[float]) -> float | None:
    """The metric `curves.pcc.lls3` of one clip and modulation; None where it is undefined."""
    value = float(pearson(torch.tensor(truth), torch.tensor(projection)))
    return None if np.isnan(value) else value


def _duration_s(row: dict[str, Any]) -> float | None:
    curve = row["estimate"] or row["target"]
    return (len(curve) - 1) / row["frame_rate"] if curve else None
