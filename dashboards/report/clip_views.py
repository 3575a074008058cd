"""Views of test clips for the report page: curves, spectrograms and sounds of every arm.

Each arm is represented by its first finished seed. The size of the page is limited: clips are added in order while they
fit, but at least one; further clips are only counted.
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
"""Maximum size of all clips on a page, which also contains 5 MB of plotly."""
FLAC, PNG = "audio/flac", "image/png"
"""MIME types of sounds and spectrograms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundView:
    """A sound with its spectrogram."""

    audio: str
    """FLAC file as a data URI."""
    spectrogram: str
    """PNG image as a data URI."""

    @property
    def n_bytes(self) -> int:
        """Size of both data URIs."""
        return len(self.audio) + len(self.spectrogram)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveView:
    """Curves of one modulation as SVG paths in a box of 100 x 100; None for curves that are unknown."""

    modulation: str
    truth: str | None
    """The true curve."""
    estimate: str | None
    """The recovered curve."""
    projection: str | None
    """LLS 3 projection: least-squares fit of the truth by a weighted sum of all recovered curves."""
    correlation: float | None
    """Pearson correlation of truth and projection for this clip; None if it is undefined."""

    @property
    def n_bytes(self) -> int:
        """Size of all paths."""
        return sum(len(path) for path in (self.truth, self.estimate, self.projection) if path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmView:
    """Curves and sounds of one arm for one clip; empty if the arm's data do not contain the clip."""

    arm: str
    seed: int
    curves: tuple[CurveView, ...]
    sound: SoundView | None
    """The estimated sound; None if it is not stored or omitted because of the size limit."""
    own_target: SoundView | None
    """Target sound of the arm if it differs from that of the clip, which happens if arms have different data."""
    audio_mss: float | None
    """The metric `audio.mss` for the clip."""
    correlation: float | None
    """Mean over the modulations of the correlation of truth and projection; None if all are undefined."""

    @property
    def n_bytes(self) -> int:
        """Size of all curves and sounds."""
        sounds = [sound.n_bytes for sound in (self.sound, self.own_target) if sound]
        return sum(sounds) + sum(curve.n_bytes for curve in self.curves)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipView:
    """A test clip with the views of all arms."""

    clip_id: str
    f0_hz: float
    duration_s: float | None
    """Duration of the clip; None if no curve is known."""
    target: SoundView | None
    """The target sound; None if it is not stored."""
    truth: tuple[CurveView, ...]
    """The true curves of all modulations; empty if they are unknown."""
    arms: tuple[ArmView, ...]
    n_silent: int
    """Number of arms whose sounds are omitted because of the size limit."""

    @property
    def n_bytes(self) -> int:
        """Size of the target sound and of the views of all arms."""
        return (self.target.n_bytes if self.target else 0) + sum(arm.n_bytes for arm in self.arms)


@dataclass(frozen=True, slots=True)
class Gallery:
    """The clips on a page."""

    clips: tuple[ClipView, ...]
    n_left_out: int
    """Number of further clips with stored sounds."""


@dataclass(frozen=True, slots=True)
class _ArmTrial:
    """The trial that represents an arm on the page."""

    arm: ArmResult
    seed: int
    attempt: Attempt
    curves: pa.Table

    def rows(self, clip_id: str) -> list[dict[str, Any]]:
        """Rows of the table of curves (`core.storage.curves.SCHEMA`) for a clip, one per modulation."""
        rows: list[dict[str, Any]] = self.curves.filter(pc.equal(self.curves["clip_id"], clip_id)).to_pylist()
        return rows


def gallery(store: Store, results: StudyResults, budget: int = BUDGET_BYTES) -> Gallery:
    """Views of the clips with stored sounds, in order, within a size budget.

    Args:
        store: Store of the study.
        results: Results of the study.
        budget: Maximum size of the clips in bytes.
    """
    arm_trials = [arm_trial for arm in results.arms if (arm_trial := _arm_trial(store, arm))]
    clip_ids = list(dict.fromkeys(clip_id for arm_trial in arm_trials for clip_id in _clip_ids_with_sound(arm_trial)))
    clips: list[ClipView] = []
    used = 0
    for clip_id in clip_ids:
        clip = _clip_view(clip_id, arm_trials, budget)
        if clips and used + clip.n_bytes > budget:
            break
        clips.append(clip)
        used += clip.n_bytes
    return Gallery(tuple(clips), len(clip_ids) - len(clips))


# ---------------------------------------------------------------------------------------------------------------------


def _arm_trial(store: Store, arm: ArmResult) -> _ArmTrial | None:
    """The first finished trial of an arm; None if no trial has finished."""
    for trial in arm.finished:
        attempt = store.committed(trial.digest)
        if attempt is not None:
            return _ArmTrial(arm, trial.seed, attempt, read_curves(store, [trial.digest]))
    return None


def _clip_ids_with_sound(arm_trial: _ArmTrial) -> Iterator[str]:
    """Ids of the clips of which the trial has stored the estimated sound."""
    stored = {f"{AUDIO_PREFIX}/{name}" for name in arm_trial.attempt.names(AUDIO_PREFIX)}
    for clip_id in pc.unique(arm_trial.curves["clip_id"]).to_pylist():
        if audio_name(clip_id, "estimate") in stored:
            yield clip_id


def _clip_view(clip_id: str, arm_trials: Sequence[_ArmTrial], budget: int) -> ClipView:
    """View of a clip; sounds of arms are omitted once the size in bytes exceeds the budget."""
    clip_target = next(
        (data for arm_trial in arm_trials if (data := stored_sound(arm_trial.attempt, clip_id, "target"))), None
    )
    # If not all sounds fit, arms on the front have priority; the views are in the order of the plan nevertheless.
    by_priority = sorted(arm_trials, key=lambda arm_trial: (not arm_trial.arm.on_front, arm_trial.arm.is_baseline))
    views: dict[str, ArmView] = {}
    used = n_silent = 0
    for arm_trial in by_priority:
        view = _arm_view(clip_id, arm_trial, clip_target)
        if used + view.n_bytes > budget:
            view = replace(view, sound=None, own_target=None)
            n_silent += 1
        used += view.n_bytes
        views[arm_trial.arm.name] = view
    arms = tuple(views[arm_trial.arm.name] for arm_trial in arm_trials)
    rows = [row for arm_trial in arm_trials for row in arm_trial.rows(clip_id)]
    return ClipView(
        clip_id=clip_id,
        f0_hz=rows[0]["f0_hz"],
        duration_s=next((duration for row in rows if (duration := _duration_s(row))), None),
        target=_sound_view(clip_target, clip_target) if clip_target else None,
        truth=next((truth for arm in arms if (truth := tuple(curve for curve in arm.curves if curve.truth))), ()),
        arms=arms,
        n_silent=n_silent,
    )


def _arm_view(clip_id: str, arm_trial: _ArmTrial, clip_target: bytes | None) -> ArmView:
    """View of a clip for one arm, given the target sound that is shown for the clip."""
    rows = arm_trial.rows(clip_id)
    target = stored_sound(arm_trial.attempt, clip_id, "target")
    estimate = stored_sound(arm_trial.attempt, clip_id, "estimate")
    curves = tuple(map(_curve_view, rows))
    correlations = [curve.correlation for curve in curves if curve.correlation is not None]
    return ArmView(
        arm=arm_trial.arm.name,
        seed=arm_trial.seed,
        curves=curves,
        sound=_sound_view(estimate, target) if estimate else None,
        own_target=_sound_view(target, target) if target and target != clip_target else None,
        audio_mss=rows[0]["audio_mss"] if rows else None,
        correlation=float(np.mean(correlations)) if correlations else None,
    )


def _sound_view(data: bytes, target: bytes | None) -> SoundView:
    """View of a sound, whose spectrogram has the scale of its target's."""
    samples, sample_rate = read_sound(data)
    peak = spectral_peak(*read_sound(target)) if target else None
    return SoundView(audio=data_uri(data, FLAC), spectrogram=data_uri(spectrogram_png(samples, sample_rate, peak), PNG))


def _curve_view(row: dict[str, Any]) -> CurveView:
    """View of a row of the table of curves."""
    truth, estimate, projection = (row[column] for column in ("target", "estimate", "projection"))
    return CurveView(
        modulation=row["modulation"],
        truth=curve_path(truth) if truth else None,
        estimate=curve_path(estimate) if estimate else None,
        projection=curve_path(projection) if projection else None,
        correlation=_correlation(truth, projection) if truth and projection else None,
    )


def _correlation(truth: Sequence[float], projection: Sequence[float]) -> float | None:
    """The metric `curves.pcc.lls3` for one clip and modulation; None if it is undefined."""
    value = float(pearson(torch.tensor(truth), torch.tensor(projection)))
    return None if np.isnan(value) else value


def _duration_s(row: dict[str, Any]) -> float | None:
    """Duration of the clip in a row of the table of curves; None if it has no curve."""
    curve = row["estimate"] or row["target"]
    return (len(curve) - 1) / row["frame_rate"] if curve else None
