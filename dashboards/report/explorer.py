"""Content of the curve explorer: curves, sounds and synths of some arms for some test clips.

Each arm is represented by its first finished seed. The size is limited: arms and clips are chosen as in
`dashboards.report.clip_choice`, and those left out are counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from core.storage.curves import curves_of
from core.storage.records import TrialRecord
from core.storage.sounds import AUDIO_PREFIX, audio_name
from core.storage.store import Attempt, Store
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.study_results import StudyResults
from dashboards.report.arm_curves import ArmCurves, CurveView, ModulationView, arm_curves
from dashboards.report.clip_choice import Rankings, chosen_arms, clips_by_priority, rankings
from dashboards.report.sounds import SoundView, sound_view, stored_sound
from dashboards.report.synth_views import SynthView, synth_views

CURVE_BUDGET, SOUND_BUDGET, SYNTH_BUDGET = 2_500_000, 4_000_000, 400_000
"""Largest sizes in bytes of curves, sounds and synths on a page, which also has 5 MB of plotly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmClip:
    """Curves and sounds of one arm for one clip."""

    audio_mss: float | None
    """The metric `audio.mss` for the clip."""
    modulations: dict[str, ModulationView]
    own_truth: dict[str, CurveView] | None
    """True curves of the arm if they differ from those of the clip, which happens if arms have different data."""
    sound: SoundView | None = None
    """The estimated sound; None if it is not stored or does not fit."""
    own_target: SoundView | None = None
    """Target sound of the arm if it differs from that of the clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipView:
    """A test clip with the views of all arms on the page that have it."""

    id: str
    f0_hz: float
    duration_s: float
    truth: dict[str, CurveView]
    """True curves by modulation; empty if they are unknown."""
    target: SoundView | None
    """The target sound; None if it is not stored."""
    arms: dict[str, ArmClip]
    n_silent: int = 0
    """Stored sounds of the clip, target included, that do not fit on the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorerArm:
    """An arm on the page."""

    name: str
    seed: int
    """Seed of the trial that represents it."""
    on_front: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explorer:
    """Everything that the curve explorer shows."""

    modulations: tuple[str, ...]
    arms: tuple[ExplorerArm, ...]
    clips: tuple[ClipView, ...]
    """In the order of the test split."""
    rankings: Rankings
    """Clips by metric and arm; some of them may be left out."""
    synths: tuple[SynthView, ...]
    n_arms_left_out: int
    """Further arms with a finished trial."""
    n_clips_left_out: int
    """Further test clips with curves."""

    @property
    def has_truth(self) -> bool:
        """Whether any true curve is known."""
        return any(clip.truth for clip in self.clips)

    @property
    def n_silent(self) -> int:
        """Stored sounds that are left out because of the size limit."""
        return sum(clip.n_silent for clip in self.clips)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ArmTrial:
    """The trial that represents an arm on the page."""

    arm: ArmResult
    record: TrialRecord
    attempt: Attempt
    curves: ArmCurves
    stored: frozenset[str]
    """Names of the stored sounds."""


def explorer(
    store: Store, results: StudyResults, *, curve_budget: int = CURVE_BUDGET, sound_budget: int = SOUND_BUDGET
) -> Explorer | None:
    """Content of the curve explorer; None if no curve is stored.

    Args:
        store: Store of the study.
        results: Results of the study.
        curve_budget: Largest size of the curves in bytes; the first clip is shown in any case.
        sound_budget: Largest size of the sounds in bytes.
    """
    chosen = chosen_arms(results.arms)
    trials = {arm.name: trial for arm in chosen if (trial := _arm_trial(store, arm))}
    if not trials:
        return None
    curves = {name: trial.curves for name, trial in trials.items()}
    front = [arm.name for arm in chosen if arm.on_front]
    ranked = rankings(curves, front)
    all_ids = dict.fromkeys(clip_id for arm in curves.values() for clip_id in arm.clip_ids)
    with_sound = [
        clip_id for clip_id in all_ids if any(audio_name(clip_id, "target") in t.stored for t in trials.values())
    ]
    n_clips = max(1, curve_budget // max(1, sum(arm.bytes_per_clip for arm in curves.values())))
    kept = set(islice(clips_by_priority(curves, with_sound, ranked), n_clips))
    clips = _clip_views([clip_id for clip_id in all_ids if clip_id in kept], curves)
    clips = _with_sounds(clips, trials, [clip_id for clip_id in with_sound if clip_id in clips], sound_budget)
    return Explorer(
        modulations=tuple(dict.fromkeys(name for arm in curves.values() for name in arm.modulations)),
        arms=tuple(
            ExplorerArm(name=name, seed=trial.record.seed, on_front=trial.arm.on_front)
            for name, trial in trials.items()
        ),
        clips=tuple(clips.values()),
        rankings=ranked,
        synths=_synths_within_budget(list(trials.values())),
        n_arms_left_out=sum(bool(arm.finished) for arm in results.arms) - len(trials),
        n_clips_left_out=len(all_ids) - len(clips),
    )


# ---------------------------------------------------------------------------------------------------------------------


def _arm_trial(store: Store, arm: ArmResult) -> _ArmTrial | None:
    """The first finished trial of an arm; None if it has no curves."""
    for trial in arm.finished:
        if trial.record is None:
            continue
        attempt, table = store.attempt_of(trial.record), None
        with store.passing_over_damage():
            table = curves_of(attempt)
        curves = None if table is None else arm_curves(table)
        if curves is not None:
            stored = frozenset(name for name in trial.record.files if name.startswith(f"{AUDIO_PREFIX}/"))
            return _ArmTrial(arm=arm, record=trial.record, attempt=attempt, curves=curves, stored=stored)
    return None


def _clip_views(clip_ids: Sequence[str], curves: Mapping[str, ArmCurves]) -> dict[str, ClipView]:
    """Views of clips without sounds; the truth of a clip is that of the first arm that knows it."""
    arms = {name: arm.of_clips(frozenset(clip_ids)) for name, arm in curves.items()}
    truths = _truths(arms)
    views = {name: dict(zip(arm.clip_ids, arm.modulation_views(), strict=True)) for name, arm in arms.items()}
    mss = {name: dict(zip(arm.clip_ids, arm.audio_mss.tolist(), strict=True)) for name, arm in arms.items()}
    clips: dict[str, ClipView] = {}
    for clip_id in clip_ids:
        having = [name for name in arms if clip_id in views[name]]
        first = next((name for name in having if truths[name][clip_id]), having[0])
        truth = truths[first][clip_id]
        clips[clip_id] = ClipView(
            id=clip_id,
            f0_hz=float(arms[first].f0_hz[arms[first].clip_ids.index(clip_id)]),
            duration_s=arms[first].duration_s,
            truth=truth,
            target=None,
            arms={
                name: ArmClip(
                    audio_mss=round(mss[name][clip_id], 5) if np.isfinite(mss[name][clip_id]) else None,
                    modulations=views[name][clip_id],
                    own_truth=None if truths[name][clip_id] == truth else truths[name][clip_id],
                )
                for name in having
            },
        )
    return clips


def _truths(arms: Mapping[str, ArmCurves]) -> dict[str, dict[str, dict[str, CurveView]]]:
    """True curves by arm, clip and modulation; arms with equal ones share them, because most studies have one truth."""
    distinct: list[tuple[ArmCurves, dict[str, dict[str, CurveView]]]] = []
    truths: dict[str, dict[str, dict[str, CurveView]]] = {}
    for name, arm in arms.items():
        shared = next((views for other, views in distinct if arm.has_truth_of(other)), None)
        if shared is None:
            shared = dict(zip(arm.clip_ids, arm.truth_views(), strict=True))
            distinct.append((arm, shared))
        truths[name] = shared
    return truths


def _with_sounds(
    clips: Mapping[str, ClipView], trials: Mapping[str, _ArmTrial], with_sound: Sequence[str], budget: int
) -> dict[str, ClipView]:
    """The clips with those stored sounds that fit: target and arms of the front for each clip, then the other arms."""
    targets = {clip_id: _target(clip_id, trials.values()) for clip_id in with_sound}
    front = [name for name, trial in trials.items() if trial.arm.on_front]
    others = [name for name in trials if name not in front]
    sounds: list[tuple[str, str | None]] = [(clip_id, name) for clip_id in with_sound for name in (None, *front)]
    sounds += [(clip_id, name) for name in others for clip_id in with_sound]
    result = dict(clips)
    used, is_full = 0, False
    for clip_id, name in sounds:
        clip = result[clip_id]
        if name is not None and (name not in clip.arms or audio_name(clip_id, "estimate") not in trials[name].stored):
            continue
        # What comes after the first sound that does not fit is not even made, because spectrograms take time.
        if not is_full:
            heard, size = _heard(clip, name, trials, targets[clip_id])
            # The first target is shown whatever its size.
            is_full = used > 0 and used + size > budget
        if is_full:
            result[clip_id] = replace(clip, n_silent=clip.n_silent + 1)
        else:
            result[clip_id] = heard
            used += size
    return result


def _heard(
    clip: ClipView, name: str | None, trials: Mapping[str, _ArmTrial], target: bytes | None
) -> tuple[ClipView, int]:
    """The clip with its target sound, or with the sound of an arm, and the size of what was added."""
    if name is None:
        if target is None:
            return clip, 0
        view = sound_view(target, target)
        return replace(clip, target=view), view.n_bytes
    arm_clip = _with_sound(clip.arms[name], trials[name], clip.id, target)
    size = sum(sound.n_bytes for sound in (arm_clip.sound, arm_clip.own_target) if sound)
    return replace(clip, arms=clip.arms | {name: arm_clip}), size


def _target(clip_id: str, trials: Iterable[_ArmTrial]) -> bytes | None:
    """The target sound of a clip, from the first trial that has stored it; None if it is damaged in all of them."""
    found = (stored_sound(trial.attempt, clip_id, "target") for trial in trials)
    return next((sound for sound in found if sound is not None), None)


def _with_sound(arm_clip: ArmClip, trial: _ArmTrial, clip_id: str, clip_target: bytes | None) -> ArmClip:
    """View of an arm's clip with its estimate, and its own target if that differs from the clip's."""
    target = stored_sound(trial.attempt, clip_id, "target")
    estimate = stored_sound(trial.attempt, clip_id, "estimate")
    return replace(
        arm_clip,
        sound=sound_view(estimate, target) if estimate else None,
        own_target=sound_view(target, target) if target and target != clip_target else None,
    )


def _synths_within_budget(trials: Sequence[_ArmTrial]) -> tuple[SynthView, ...]:
    """Views of the synths, those of the front's arms first, within the budget."""
    by_priority = sorted(trials, key=lambda trial: (not trial.arm.on_front, trial.arm.is_baseline))
    views = synth_views([(trial.arm.name, trial.attempt, trial.record) for trial in by_priority])
    shown: list[SynthView] = []
    used = 0
    for view in views:
        if used + view.n_bytes > SYNTH_BUDGET:
            break
        shown.append(view)
        used += view.n_bytes
    return tuple(shown)
