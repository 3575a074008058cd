"""For a few test clips: recovered curves over the truth, spectrograms and sounds, arm beside arm, ready for a page.

Every arm shows one seed, the first that it has finished. What the page can carry is limited: clips are taken in turn
as long as they fit, the first one always, and what was left out is counted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats

from core.curve_store import read_curves
from core.store import Attempt, Store
from dashboards.analysis.study_results import ArmResult, StudyResults
from dashboards.audio import (
    ESTIMATE,
    TARGET,
    data_uri,
    kept_clips,
    kept_sound,
    read_sound,
    spectral_peak,
    spectrogram_png,
)
from dashboards.curves import curve_path

BUDGET_BYTES = 6_000_000
"""What all clips together may add to a page, which also carries 5 MB of plotly."""
FLAT = 1e-6
"""A curve whose range is below this has no correlation."""
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
class SignalView:
    """One modulation signal's curves as SVG paths over a box of 100 x 100."""

    signal: str
    truth: str | None
    estimate: str
    fit: str | None
    correlation: float | None
    """Pearson correlation of the LLS 3 fit with the truth on this clip; None where it is undefined."""

    @property
    def n_bytes(self) -> int:
        return sum(len(path) for path in (self.truth, self.estimate, self.fit) if path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmView:
    """What one arm made of one clip."""

    arm: str
    seed: int
    signals: tuple[SignalView, ...]
    sound: SoundView | None
    own_target: SoundView | None
    """Its target sound, where that is not the one that the clip shows (arms on unlike data)."""
    audio_mss: float | None
    correlation: float | None
    """Mean over the signals of the LLS 3 fit's correlation with the truth."""

    @property
    def n_bytes(self) -> int:
        sounds = [sound.n_bytes for sound in (self.sound, self.own_target) if sound]
        return sum(sounds) + sum(signal.n_bytes for signal in self.signals)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipView:
    """One test clip over all arms."""

    clip: str
    f0_hz: float | None
    duration_s: float | None
    target: SoundView | None
    arms: tuple[ArmView, ...]
    n_silent: int
    """Arms shown without their sound because the page is full."""

    @property
    def n_bytes(self) -> int:
        return (self.target.n_bytes if self.target else 0) + sum(arm.n_bytes for arm in self.arms)


@dataclass(frozen=True, slots=True)
class Gallery:
    """The clips of a page, and how many kept ones it leaves out."""

    clips: tuple[ClipView, ...]
    n_left_out: int


@dataclass(frozen=True, slots=True)
class _Source:
    """One arm's chosen trial."""

    arm: ArmResult
    seed: int
    attempt: Attempt
    curves: pa.Table


def gallery(store: Store, results: StudyResults, budget: int = BUDGET_BYTES) -> Gallery:
    """The kept clips, in order, as far as the budget (bytes of the page) goes."""
    sources = [source for arm in results.arms if (source := _source(store, arm))]
    names = list(dict.fromkeys(name for source in sources for name in kept_clips(source.attempt)))
    clips: list[ClipView] = []
    used = 0
    for name in names:
        clip = _clip(name, sources, budget)
        if clips and used + clip.n_bytes > budget:
            break
        clips.append(clip)
        used += clip.n_bytes
    return Gallery(tuple(clips), len(names) - len(clips))


def _source(store: Store, arm: ArmResult) -> _Source | None:
    for trial in arm.finished:
        attempt = store.committed(trial.digest)
        if attempt is not None:
            return _Source(arm, trial.seed, attempt, read_curves(store, [trial.digest]))
    return None


def _clip(name: str, sources: Sequence[_Source], budget: int) -> ClipView:
    shown = next((data for source in sources if (data := kept_sound(source.attempt, name, TARGET))), None)
    # The front is heard first if not all fit; the order shown stays the plan's.
    by_interest = sorted(sources, key=lambda source: (not source.arm.on_front, source.arm.is_baseline))
    views: dict[str, ArmView] = {}
    used = n_silent = 0
    for source in by_interest:
        view = _arm(name, source, shown)
        if used + view.n_bytes > budget:
            view = replace(view, sound=None, own_target=None)
            n_silent += 1
        used += view.n_bytes
        views[source.arm.name] = view
    row = next((rows[0] for source in sources if (rows := _rows(source.curves, name))), None)
    return ClipView(
        clip=row["clip_id"] if row else name,
        f0_hz=row["f0_hz"] if row else None,
        duration_s=(len(row["estimate"]) - 1) / row["frame_rate"] if row else None,
        target=_sound(shown, shown) if shown else None,
        arms=tuple(views[source.arm.name] for source in sources),
        n_silent=n_silent,
    )


def _arm(name: str, source: _Source, shown: bytes | None) -> ArmView:
    rows = _rows(source.curves, name)
    target = kept_sound(source.attempt, name, TARGET)
    estimate = kept_sound(source.attempt, name, ESTIMATE)
    signals = tuple(_signal(row) for row in rows)
    correlations = [signal.correlation for signal in signals if signal.correlation is not None]
    return ArmView(
        arm=source.arm.name,
        seed=source.seed,
        signals=signals,
        sound=_sound(estimate, target) if estimate else None,
        own_target=_sound(target, target) if target and target != shown else None,
        audio_mss=rows[0]["audio_mss"] if rows else None,
        correlation=float(np.mean(correlations)) if correlations else None,
    )


def _sound(data: bytes, target: bytes | None) -> SoundView:
    """A sound for the page, its spectrogram on the scale of its target's."""
    samples, rate = read_sound(data)
    peak = spectral_peak(*read_sound(target)) if target else None
    return SoundView(audio=data_uri(data, FLAC), spectrogram=data_uri(spectrogram_png(samples, rate, peak), PNG))


def _signal(row: dict[str, Any]) -> SignalView:
    truth, fit = row["target"], row["fit"]
    return SignalView(
        signal=row["signal"],
        truth=curve_path(truth) if truth else None,
        estimate=curve_path(row["estimate"]),
        fit=curve_path(fit) if fit else None,
        correlation=_correlation(truth, fit) if truth and fit else None,
    )


def _correlation(truth: Sequence[float], fit: Sequence[float]) -> float | None:
    """Pearson correlation; None where one of the curves is flat or undefined."""
    pair = np.asarray([truth, fit], dtype=np.float64)
    if not np.isfinite(pair).all() or (np.ptp(pair, axis=1) < FLAT).any():
        return None
    return float(stats.pearsonr(pair[0], pair[1]).statistic)


def _rows(curves: pa.Table, name: str) -> list[dict[str, Any]]:
    """The rows of the clip that a kept file is named after: its id, as far as a file name can hold it."""
    ids = {_file_safe(clip_id): clip_id for clip_id in reversed(pc.unique(curves["clip_id"]).to_pylist())}
    clip_id = ids.get(name)
    rows: list[dict[str, Any]] = curves.filter(pc.equal(curves["clip_id"], clip_id)).to_pylist() if clip_id else []
    return rows


def _file_safe(clip_id: str) -> str:
    """As `core.trial` names the files of a clip."""
    return re.sub(r"[^\w.-]", "_", clip_id)
