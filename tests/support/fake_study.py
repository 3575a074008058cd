"""Studies that never ran: a store filled with records, curves and sounds whose front is known."""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, assert_never

import numpy as np
import soundfile
import torch
from jaxtyping import Float
from numpy import ndarray

from core.metrics.base import AudioDistance, CurveDescription, CurveDistance, CurveProperty, CurveRate, TrialCost
from core.metrics.catalog import METRICS
from core.metrics.curves import project_on_all
from core.settings.baselines import ConstantConfig, RandomSplineConfig
from core.settings.loading import flat_config, to_settings
from core.settings.parameterizations import FrameConfig, LowPassConfig, ParameterizationConfig
from core.settings.trial import TrialConfig
from core.storage.clip_values import ValuesPerClip, write_clip_values
from core.storage.curves import ModulationCurves, TrialCurves, write_curves
from core.storage.records import (
    DataIssue,
    MetricValues,
    Objective,
    Outcome,
    PlannedArm,
    PlannedTrial,
    PlanSegment,
    Split,
    StudyDefinition,
    TrialRecord,
)
from core.storage.sounds import audio_name
from core.storage.store import Attempt, Store

OBJECTIVES = (
    Objective(metric="audio.mss", direction="minimize"),
    Objective(metric="interpretability.tv", direction="minimize"),
)
CLIPS_WITH_VALUES = 8
"""Number of clips of which arms with `n_flat` have values."""
MakeStudy = Callable[..., Store]
"""`fake_study` in a folder of the caller's."""
MODULATIONS = ("add", "sub", "env")
QUESTION = "What does each parameterization cost in accuracy, and buy in interpretability?"


@dataclass(frozen=True, kw_only=True)
class FakeArm:
    """An arm and the means its trials scatter around; `tv=None` leaves the metric undefined."""

    name: str
    mss: float
    tv: float | None
    range: float = 0.8
    parameterization: ParameterizationConfig = field(default_factory=FrameConfig)
    is_white_box: bool = True
    n_flat: int | None = None
    """Number of clips, of `CLIPS_WITH_VALUES`, whose first modulation is flat; None stores no values per clip."""
    outcomes: Mapping[int, Outcome | None] = field(default_factory=dict)
    """Outcome by seed where it is not "finished"; None leaves no record."""
    sha256: str = ""
    """Hash of the config; empty for one of the name and the parameterization."""
    copied_from: Mapping[int, str] = field(default_factory=dict)
    """The study that trained a seed, by seed, where its record is a copy."""

    @property
    def is_baseline(self) -> bool:
        return isinstance(self.parameterization, RandomSplineConfig | ConstantConfig)


ARMS = (
    FakeArm(name="frame", mss=0.70, tv=22.0),
    FakeArm(name="lpf-8", mss=0.82, tv=8.0, parameterization=LowPassConfig(cutoff_hz=8.0)),
    FakeArm(name="lpf-4", mss=1.05, tv=5.5, parameterization=LowPassConfig(cutoff_hz=4.0)),
    FakeArm(name="spline-8", mss=0.95, tv=3.0),
    FakeArm(name="spline-16", mss=0.86, tv=4.4),
    FakeArm(name="random-spline", mss=2.4, tv=9.0, parameterization=RandomSplineConfig()),
    FakeArm(name="constant", mss=1.9, tv=None, range=0.0, parameterization=ConstantConfig()),
)
FRONT = {"frame", "lpf-8", "spline-8", "spline-16"}


@dataclass(frozen=True, kw_only=True)
class Sounds:
    """What is known of the test clips, and which curves the synth has."""

    n_clips: int
    modulations: tuple[str, ...]
    truth: tuple[str, ...]


def fake_study(
    root: Path,
    arms: Sequence[FakeArm] = ARMS,
    *,
    seeds: int = 2,
    n_clips: int = 2,
    modulations: tuple[str, ...] = MODULATIONS,
    truth: tuple[str, ...] = MODULATIONS,
    question: str = QUESTION,
    objectives: tuple[Objective, ...] = OBJECTIVES,
    issues: tuple[DataIssue, ...] = (),
    study_file: Mapping[str, Any] | None = None,
) -> Store:
    """A store with the plan and the records of a study.

    Args:
        root: Folder of the store; its name is the study's.
        arms: The arms, in the order of the plan.
        seeds: Seeds of each arm.
        n_clips: Test clips with curves and sounds; 0 leaves both out.
        modulations: Names of the curves that the synth of all arms has.
        truth: Names of the true curves, none where they are unknown.
        question: The study's question.
        objectives: Its objectives.
        issues: Issues with its data.
        study_file: Plain values of its file, for studies with further stages.
    """
    store = Store(root)
    store.create_study(
        StudyDefinition(name=root.name, question=question, objectives=objectives, study_file=dict(study_file or {}))
    )
    configs = {(arm.name, seed): config_of(arm, seed) for arm in arms for seed in range(seeds)}
    digests = {key: f"{index:016x}" for index, key in enumerate(configs)}
    store.append_segment(
        PlanSegment(
            stage="design",
            arms=tuple(planned_arm(arm, modulations) for arm in arms),
            trials=tuple(PlannedTrial(digest=digests[key], arm=key[0], seed=key[1]) for key in configs),
            data_issues=issues,
            data_summary={"source": "synthetic", "clips": {"train": 512, "validation": 64, "test": 128}},
            code_version="0.1.0",
        )
    )
    sounds = Sounds(n_clips=n_clips, modulations=modulations, truth=truth)
    for index, arm in enumerate(arms):
        for seed in range(seeds):
            outcome = arm.outcomes.get(seed, "finished")
            if outcome is not None:
                rng = np.random.default_rng([index, seed])
                commit_fake(store.begin(digests[arm.name, seed]), arm, configs[arm.name, seed], outcome, sounds, rng)
    return store


def config_of(arm: FakeArm, seed: int) -> TrialConfig:
    return TrialConfig(seed=seed, device="cpu", parameterization=arm.parameterization)


def planned_arm(arm: FakeArm, modulations: tuple[str, ...] = MODULATIONS) -> PlannedArm:
    """The arm in a plan."""
    return PlannedArm(
        name=arm.name,
        settings={"parameterization.kind": arm.parameterization.kind},
        config={path: value for path, value in to_settings(config_of(arm, 0)).items() if path != "seed"},
        sha256=arm.sha256 or hashlib.sha256(repr((arm.name, arm.parameterization)).encode()).hexdigest(),
        is_baseline=arm.is_baseline,
        is_white_box=arm.is_white_box,
        modulations=modulations,
    )


def without_clips(make_study: MakeStudy) -> MakeStudy:
    """Studies of numbers only, which are faster to make."""
    return partial(make_study, n_clips=0)


def commit_fake(
    attempt: Attempt,
    arm: FakeArm,
    config: TrialConfig,
    outcome: Outcome,
    sounds: Sounds,
    rng: np.random.Generator,
    splits: tuple[Split, ...] = ("validation", "test"),
) -> None:
    """Write the record of a trial, with curves and sounds if it has clips."""
    is_finished = outcome == "finished"
    n_flat = 384 if arm.tv is None else arm.n_flat
    study = Path(attempt.store.root).name
    metrics = dict(_metrics(arm, sounds, rng)) if is_finished else {}
    if is_finished and arm.n_flat is not None:
        _write_clip_values(attempt, arm, sounds.modulations)
    if is_finished and sounds.n_clips:
        write_curves_and_sounds(attempt, study, arm, config, sounds, rng)
    attempt.commit(
        TrialRecord(
            digest=attempt.digest,
            study=study,
            arm=arm.name,
            seed=config.seed,
            attempt=attempt.name,
            outcome=outcome,
            error=None if is_finished else "training loss 173.2 at step 41 is above trainer.diverged_above=100",
            is_baseline=arm.is_baseline,
            config=flat_config(config),
            steps=300,
            best_step=250,
            metrics=dict.fromkeys(splits, metrics) if is_finished else {},
            undefined={"test": {"interpretability.tv": n_flat}} if is_finished and n_flat else {},
            history=tuple(_validation(arm, step) for step in range(50, 301, 50)),
            environment={"code_version": "0.1.0", "torch": "2.14.1", "device": "cpu", "threads": 1},
            times_s={"set_up": 1.2, "train": 14.0, "evaluate": 2.0, "write": 0.1},
            started_at="2026-07-01T10:00:00Z",
            finished_at="2026-07-01T10:00:18Z",
            copied_from=arm.copied_from.get(config.seed),
        )
    )


def _validation(arm: FakeArm, step: int) -> dict[str, float]:
    loss = arm.mss + 1.2 / (1 + step / 50)
    return {"step": float(step), "train_loss": loss, "validation_loss": loss, "elapsed_s": step / 20}


def _metrics(arm: FakeArm, sounds: Sounds, rng: np.random.Generator) -> Iterator[tuple[str, float | None]]:
    """Full names and values, as `core.metrics.evaluation` gives them for these curves."""
    noise, tv_noise = 1 + 0.01 * rng.standard_normal(2)
    error = 0.24 if arm.is_baseline else 0.06 + 0.02 * arm.mss
    values: MetricValues = {
        "audio.mss": arm.mss * noise,
        "audio.mel": 0.6 * arm.mss,
        "curves.l1": error * noise,
        "curves.l1_diff": error / 20 * noise,
        "curves.pcc": (0.31 if arm.is_baseline else 0.9) * noise,
        "interpretability.tv": None if arm.tv is None else arm.tv * tv_noise,
        "interpretability.turning_points": 0.1,
        "interpretability.spectral_entropy": 0.5,
        "interpretability.range": arm.range,
        "interpretability.saturation": 0.02,
        "interpretability.description_length": 16.0,
    }
    shared = tuple(name for name in sounds.truth if name in sounds.modulations)
    for metric in METRICS:
        by_projection: dict[str, tuple[str, ...]]
        match metric.compute:
            case TrialCost() | CurveRate():
                continue
            case AudioDistance():
                by_projection = {"": ()}
            case CurveDistance():
                by_projection = {"": shared, ".lls1": shared, ".lls3": sounds.truth}
                by_projection = {projection: names for projection, names in by_projection.items() if names}
            case CurveProperty() | CurveDescription():
                by_projection = {"": sounds.modulations}
            case _:
                assert_never(metric.compute)
        for projection, names in by_projection.items():
            for suffix in ("", *(f".{name}" for name in names)):
                yield f"{metric.name}{projection}{suffix}", values[metric.name]


def _write_clip_values(attempt: Attempt, arm: FakeArm, modulations: tuple[str, ...]) -> None:
    """Total variations that grow from clip to clip, undefined for the first modulation of the first clips."""
    growth = np.linspace(0.5, 1.5, CLIPS_WITH_VALUES)[:, None] * np.ones(len(modulations))
    values = growth * (arm.tv or 1.0)
    values[: arm.n_flat, 0] = np.nan
    write_clip_values(
        attempt,
        tuple(f"clip-{index}" for index in range(CLIPS_WITH_VALUES)),
        modulations,
        {"interpretability.tv": ValuesPerClip(values=values.astype(np.float32), modulations=modulations)},
    )


def write_curves_and_sounds(
    attempt: Attempt, study: str, arm: FakeArm, config: TrialConfig, sounds: Sounds, rng: np.random.Generator
) -> None:
    n_clips, n_curves = sounds.n_clips, len(sounds.modulations)
    time = np.linspace(0, 1, config.audio.n_frames)
    names = tuple(dict.fromkeys((*sounds.modulations, *sounds.truth)))
    curves = np.stack([[_curve(i, clip, time) for i in range(len(names))] for clip in range(n_clips)])
    true = curves[:, [names.index(name) for name in sounds.truth]]
    estimate = curves[:, :n_curves]
    if arm.range == 0:
        estimate = np.full_like(estimate, 0.5)
    elif arm.is_baseline:
        frequency, phase = rng.uniform(1, 5), rng.uniform(0, 6, (n_clips, n_curves, 1))
        estimate = 0.5 + 0.4 * np.sin(2 * np.pi * frequency * time + phase)
    else:
        estimate = np.clip(estimate + (arm.tv or 0) / 250 * rng.standard_normal(estimate.shape), 0, 1)
    true, estimate = true.astype(np.float32), estimate.astype(np.float32)
    projection = project_on_all(torch.from_numpy(true), torch.from_numpy(estimate)).numpy() if sounds.truth else true
    write_curves(
        attempt,
        TrialCurves(
            clip_ids=tuple(f"test/{clip}" for clip in range(n_clips)),
            f0_hz=np.full(n_clips, 220.0, dtype=np.float32),
            frame_rate=config.audio.frame_rate,
            audio_mss=np.full(n_clips, arm.mss, dtype=np.float32),
            modulations=tuple(
                ModulationCurves(
                    modulation=name,
                    target=true[:, sounds.truth.index(name)] if name in sounds.truth else None,
                    estimate=estimate[:, sounds.modulations.index(name)] if name in sounds.modulations else None,
                    projection=projection[:, sounds.truth.index(name)] if name in sounds.truth else None,
                )
                for name in names
            ),
        ),
        study=study,
        arm=arm.name,
        seed=config.seed,
    )
    for clip in range(n_clips):
        for role, heard in (("target", curves[clip]), ("estimate", estimate[clip])):
            attempt.put(audio_name(f"test/{clip}", role), _flac(heard, config.audio.sample_rate))


def _curve(index: int, clip: int, time: Float[ndarray, " frame"]) -> Float[ndarray, " frame"]:
    """A sine, a triangle or a decay in 0..1, another one in each clip."""
    shapes = (
        0.5 + 0.4 * np.sin(2 * np.pi * (1 + clip) * time),
        np.abs((3 * time + clip / 5) % 2 - 1),
        np.exp(-3 * time),
    )
    return shapes[index % len(shapes)]


def _flac(curves: Float[ndarray, "modulation frame"], sample_rate: int) -> bytes:
    """A second of sound: the first curve is its brightness, the last one its level."""
    time = np.arange(sample_rate) / sample_rate
    frames = np.linspace(0, 1, curves.shape[-1])
    brightness, level = (np.interp(time, frames, np.clip(curve, 0, 1)) for curve in (curves[0], curves[-1]))
    harmonics = np.stack([brightness**k * np.sin(2 * np.pi * 220 * k * time) / k for k in range(1, 12)])
    buffer = io.BytesIO()
    soundfile.write(buffer, 0.3 * level * harmonics.sum(0), sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()
