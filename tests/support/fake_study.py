"""Studies that never ran: a store filled with records, curves and sounds whose front is known."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from core.metrics.catalog import FITS, SIGNALS
from core.settings.loading import flat_config, to_settings
from core.settings.parameterizations import (
    ConstantConfig,
    FrameConfig,
    LowPassConfig,
    ParameterizationConfig,
    RandomSplineConfig,
)
from core.settings.trial import TrialConfig
from core.storage.curves import TrialCurves, write_curves
from core.storage.records import DataIssue, Objective, Outcome, PlannedArm, PlannedTrial, StudyPlan, TrialRecord
from core.storage.store import Attempt, Store

OBJECTIVES = (
    Objective(metric="audio.mss", direction="minimize"),
    Objective(metric="interpretability.tv", direction="minimize"),
)


@dataclass(frozen=True, kw_only=True)
class FakeArm:
    """An arm and the means its trials scatter around; `tv=None` leaves the metric undefined."""

    name: str
    mss: float
    tv: float | None
    range: float = 0.8
    parameterization: ParameterizationConfig = field(default_factory=FrameConfig)
    outcomes: dict[int, Outcome | None] = field(default_factory=dict)
    """Outcome by seed where it is not "finished"; None leaves no record."""

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


def fake_study(
    root: Path,
    arms: Sequence[FakeArm] = ARMS,
    *,
    seeds: int = 2,
    n_clips: int = 2,
    truth: bool = True,
    question: str = "What does each parameterization cost in accuracy, and buy in interpretability?",
    objectives: tuple[Objective, ...] = OBJECTIVES,
    notices: tuple[DataIssue, ...] = (),
) -> Store:
    store = Store(root)
    configs = {
        (arm.name, seed): TrialConfig(seed=seed, device="cpu", parameterization=arm.parameterization)
        for arm in arms
        for seed in range(seeds)
    }
    digests = {key: f"{index:016x}" for index, key in enumerate(configs)}
    store.put_plan(
        StudyPlan(
            name=root.name,
            question=question,
            objectives=objectives,
            arms=tuple(
                PlannedArm(
                    name=arm.name,
                    factors={"parameterization.kind": arm.parameterization.kind},
                    is_baseline=arm.is_baseline,
                )
                for arm in arms
            ),
            trials=tuple(
                PlannedTrial(digest=digests[key], arm=key[0], seed=key[1], config=to_settings(config))
                for key, config in configs.items()
            ),
            data_issues=notices,
            data_summary={"source": "synthetic", "clips": {"train": 512, "validation": 64, "test": 128}},
            code_version="0.1.0",
        )
    )
    for index, arm in enumerate(arms):
        for seed in range(seeds):
            outcome = arm.outcomes.get(seed, "finished")
            if outcome is not None:
                key = (arm.name, seed)
                _commit(store, arm, index, configs[key], digests[key], outcome, n_clips, truth)
    return store


def _commit(
    store: Store,
    arm: FakeArm,
    index: int,
    config: TrialConfig,
    digest: str,
    outcome: Outcome,
    n_clips: int,
    truth: bool,
) -> None:
    rng = np.random.default_rng([index, config.seed])
    attempt = store.begin(digest)
    finished = outcome == "finished"
    metrics = _metrics(arm, rng, truth) if finished else {}
    if finished and n_clips:
        _keep(attempt, arm, config, rng, n_clips, truth)
    attempt.commit(
        TrialRecord(
            digest=digest,
            study=Path(store.root).name,
            arm=arm.name,
            seed=config.seed,
            attempt=attempt.name,
            outcome=outcome,
            error=None if finished else "training loss 173.2 at step 41 is above trainer.diverged_above=100",
            is_baseline=arm.is_baseline,
            config=flat_config(config),
            steps=300,
            best_step=250,
            metrics={"validation": metrics, "test": metrics} if finished else {},
            undefined={"test": {"interpretability.tv": 384}} if finished and arm.tv is None else {},
            history=tuple(_validation(arm, step) for step in range(50, 301, 50)),
            environment={"code_version": "0.1.0", "torch": "2.14.1", "device": "cpu", "threads": 1},
            times_s={"set_up": 1.2, "training": 14.0, "evaluation": 2.0, "keeping": 0.1},
            started_at="2026-07-01T10:00:00Z",
            finished_at="2026-07-01T10:00:18Z",
        )
    )


def _validation(arm: FakeArm, step: int) -> dict[str, float]:
    loss = arm.mss + 1.2 / (1 + step / 50)
    return {"step": float(step), "train_loss": loss, "validation_loss": loss, "elapsed_s": step / 20}


def _metrics(arm: FakeArm, rng: np.random.Generator, truth: bool) -> dict[str, float | None]:
    noise, tv_noise = 1 + 0.01 * rng.standard_normal(2)
    metrics: dict[str, float | None] = {
        "audio.mss": arm.mss * noise,
        "audio.mel": 0.6 * arm.mss,
        "interpretability.range": arm.range,
        "interpretability.tv": None if arm.tv is None else arm.tv * tv_noise,
        "interpretability.turning_points": 0.1,
        "interpretability.spectral_entropy": 0.5,
    }
    if truth:
        error = 0.24 if arm.is_baseline else 0.06 + 0.02 * arm.mss
        for fit in FITS:
            for audio_config in ("", *SIGNALS):
                for metric, value in (
                    ("l1", error),
                    ("l1_diff", error / 20),
                    ("pcc", 0.31 if arm.is_baseline else 0.9),
                ):
                    metrics[".".join(part for part in ("curves", metric, fit, audio_config) if part)] = value * noise
    return metrics


def _keep(
    attempt: Attempt, arm: FakeArm, config: TrialConfig, rng: np.random.Generator, n_clips: int, truth: bool
) -> None:
    time = np.linspace(0, 1, config.audio.n_frames)
    target = np.stack(
        [
            [
                0.5 + 0.4 * np.sin(2 * np.pi * (1 + clip) * time),
                np.abs((3 * time + clip / 5) % 2 - 1),
                np.exp(-3 * time),
            ]
            for clip in range(n_clips)
        ]
    )
    if arm.range == 0:
        estimate = np.full_like(target, 0.5)
    elif arm.is_baseline:
        estimate = 0.5 + 0.4 * np.sin(2 * np.pi * rng.uniform(1, 5) * time + rng.uniform(0, 6, (n_clips, 3, 1)))
    else:
        estimate = target + (arm.tv or 0) / 250 * rng.standard_normal(target.shape)
    fit = np.stack([_lls3(*pair) for pair in zip(target, estimate, strict=True)])
    curves = TrialCurves(
        clip_ids=tuple(f"test/{clip}" for clip in range(n_clips)),
        modulations=SIGNALS,
        f0_hz=np.full(n_clips, 220.0, dtype=np.float32),
        frame_rate=config.audio.frame_rate,
        target=target.astype(np.float32) if truth else None,
        estimate=np.clip(estimate, 0, 1).astype(np.float32),
        fit=fit.astype(np.float32) if truth else None,
        audio_mss=np.full(n_clips, arm.mss, dtype=np.float32),
    )
    write_curves(attempt, curves, study="fake", arm=arm.name, seed=config.seed)
    for clip in range(n_clips):
        attempt.put(f"audio/test_{clip}.target.flac", _flac(target[clip], config.audio.sample_rate))
        attempt.put(f"audio/test_{clip}.estimate.flac", _flac(estimate[clip], config.audio.sample_rate))


def _lls3(target: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    basis = np.vstack([estimate, np.ones(estimate.shape[1])]).T
    return (basis @ np.linalg.lstsq(basis, target.T, rcond=None)[0]).T


def _flac(curves: np.ndarray, sample_rate: int) -> bytes:
    """A second of sound whose brightness and level follow the curves."""
    time = np.arange(sample_rate) / sample_rate
    add, _, env = (np.interp(time, np.linspace(0, 1, len(curve)), np.clip(curve, 0, 1)) for curve in curves)
    sound = sum(add**k * np.sin(2 * np.pi * 220 * k * time) / k for k in range(1, 12))
    buffer = io.BytesIO()
    soundfile.write(buffer, 0.3 * env * sound, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()
