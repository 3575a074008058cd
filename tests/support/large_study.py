"""A study of many arms that never ran, as large as those of a grid over a night: for the speed of reports."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.metrics.base import TrialCost
from core.metrics.catalog import METRICS, full_names
from core.settings.encoder import EncoderConfig
from core.settings.loading import flat_config, to_settings
from core.settings.optimizers import ScheduleFreeConfig
from core.settings.oscillators import FrozenWavetableConfig
from core.settings.parameterizations import FrameConfig, LowPassConfig, ParameterizationConfig, SplineConfig
from core.settings.synths import ModSynthConfig
from core.settings.trial import TrialConfig
from core.storage.clip_values import ValuesPerClip, write_clip_values
from core.storage.records import PlannedArm, PlannedTrial, PlanSegment, StudyDefinition, TrialRecord
from core.storage.store import Store
from tests.support.fake_study import MODULATIONS, OBJECTIVES, FakeArm, Sounds, write_curves_and_sounds

N_VALIDATIONS = 20
"""Entries of the history of each trial."""
PARAMETERIZATIONS: tuple[ParameterizationConfig, ...] = (
    FrameConfig(),
    *(LowPassConfig(cutoff_hz=cutoff) for cutoff in (2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0)),
    *(SplineConfig(n_segments=n, degree=degree) for n in (2, 4, 6, 8, 12, 16, 24, 32) for degree in (2, 3)),
)
"""25 parameterizations, which are combined with rates and widths."""
RATES = tuple(float(f"{rate:.3g}") for rate in np.geomspace(1e-3, 2e-2, 10))
WIDTHS = (8, 12, 16, 24, 32)
SYNTH = ModSynthConfig(oscillator=FrozenWavetableConfig(wavetable="sine_to_saw"))
FAILED_EVERY = 97
"""One of this many trials has diverged."""


@dataclass(frozen=True, slots=True)
class LargeArm:
    """An arm, its config without seed, and the means of its objectives."""

    name: str
    config: TrialConfig
    mss: float
    tv: float


def large_study(root: Path, *, n_arms: int = 1250, seeds: int = 8, n_clips: int = 32, n_with_sounds: int = 40) -> Store:
    """A store with the plan, the records and the values per clip of a study, and a ledger segment.

    Args:
        root: Folder of the store; its name is the study's.
        n_arms: Number of arms, at most 1250.
        seeds: Seeds of each arm.
        n_clips: Test clips of the values per clip.
        n_with_sounds: Arms whose first trial has curves of all and sounds of four clips, the first and every 31st.
    """
    store = Store(root)
    store.create_study(
        StudyDefinition(name=root.name, question="Which setting of 1,250 is the one to take?", objectives=OBJECTIVES)
    )
    arms = list(itertools.islice(_arms(), n_arms))
    keys = [(arm, seed) for arm in arms for seed in range(seeds)]
    digests = {(arm.name, seed): f"{index:016x}" for index, (arm, seed) in enumerate(keys)}
    store.append_segment(
        PlanSegment(
            stage="design",
            arms=tuple(_planned(arm, index) for index, arm in enumerate(arms)),
            trials=tuple(PlannedTrial(digest=digests[arm.name, seed], arm=arm.name, seed=seed) for arm, seed in keys),
            data_summary={"source": "synthetic", "clips": {"train": 384, "validation": 32, "test": n_clips}},
            code_version="0.1.0",
        )
    )
    with_sounds = {arm.name for arm in arms[:: max(1, n_arms // max(1, n_with_sounds))]} if n_with_sounds else set()
    for index, (arm, seed) in enumerate(keys):
        rng = np.random.default_rng(index)
        is_sounding = seed == 0 and arm.name in with_sounds
        has_failed = index % FAILED_EVERY == 5
        _commit(store, digests[arm.name, seed], arm, seed, rng, n_clips, is_sounding, has_failed=has_failed)
    store.compact()
    return store


# ---------------------------------------------------------------------------------------------------------------------


def _arms() -> Iterator[LargeArm]:
    """The arms; slow parameterizations are calmer and less accurate, other settings move both a little."""
    rng = np.random.default_rng(0)
    for parameterization, lr, width in itertools.product(PARAMETERIZATIONS, RATES, WIDTHS):
        match parameterization:
            case LowPassConfig(cutoff_hz=cutoff):
                speed, name = cutoff, f"lpf-{cutoff:g}"
            case SplineConfig(n_segments=n, degree=degree):
                speed, name = 0.6 * n, f"spline-{n}-{degree}"
            case _:
                speed, name = 60.0, "frame"
        config = TrialConfig(
            seed=0, device="cpu", parameterization=parameterization, synth=SYNTH,
            encoder=EncoderConfig(width=width), optimizer=ScheduleFreeConfig(lr=lr),
        )  # fmt: skip
        noise = rng.normal(1, 0.03, 2)
        penalty = 1 + 0.05 * abs(np.log(lr / 5e-3)) + 1 / width
        mss, tv = 0.6 * penalty * (1 + 0.5 / np.sqrt(speed)), 0.8 * speed**0.6 * (1 + 0.1 * abs(np.log(lr / 3e-3)))
        yield LargeArm(f"{name} lr={lr:g} width={width}", config, float(mss * noise[0]), float(tv * noise[1]))


def _planned(arm: LargeArm, index: int) -> PlannedArm:
    flat = flat_config(arm.config)
    settings = ("parameterization.kind", "parameterization.cutoff_hz", "parameterization.n_segments",
                "parameterization.degree", "optimizer.lr", "encoder.width")  # fmt: skip
    return PlannedArm(
        name=arm.name,
        settings={path: flat[path] for path in settings if path in flat},
        config={path: value for path, value in to_settings(arm.config).items() if path != "seed"},
        sha256=f"{index:064x}",
        is_white_box=True,
        modulations=MODULATIONS,
    )


def _commit(
    store: Store, digest: str, arm: LargeArm, seed: int, rng: np.random.Generator, n_clips: int, is_sounding: bool,
    *, has_failed: bool,
) -> None:  # fmt: skip
    """Write the values per clip and the record of a trial, and perhaps curves and sounds."""
    attempt = store.begin(digest)
    config = replace(arm.config, seed=seed)
    metrics: dict[str, float | None] = {}
    undefined: dict[str, int] = {}
    if not has_failed:
        per_clip = _clip_values(arm, rng, n_clips)
        undefined = {name: int(np.isnan(values).sum()) for name, values in per_clip.items() if np.isnan(values).any()}
        for name in full_names(MODULATIONS):
            base, _, modulation = name.rpartition(".")
            if name in per_clip:
                metrics[name] = float(np.nanmean(np.nanmean(per_clip[name], axis=0)))
            elif base in per_clip and modulation in MODULATIONS:
                metrics[name] = float(np.nanmean(per_clip[base][:, MODULATIONS.index(modulation)]))
        clip_ids = tuple(f"test/{clip}" for clip in range(n_clips))
        write_clip_values(
            attempt, clip_ids, MODULATIONS,
            {name: ValuesPerClip(values=values, modulations=MODULATIONS) for name, values in per_clip.items()},
        )  # fmt: skip
    if is_sounding and not has_failed:
        sounds = Sounds(n_clips=4, modulations=MODULATIONS, truth=MODULATIONS)
        shape = FakeArm(name=arm.name, mss=arm.mss, tv=arm.tv, parameterization=config.parameterization)
        write_curves_and_sounds(attempt, Path(store.root).name, shape, config, sounds, rng)
    attempt.commit(
        TrialRecord(
            digest=digest,
            study=Path(store.root).name,
            arm=arm.name,
            seed=seed,
            attempt=attempt.name,
            outcome="diverged" if has_failed else "finished",
            error="training loss 173.2 at step 41 is above trainer.diverged_above=100" if has_failed else None,
            config=flat_config(config),
            steps=300,
            best_step=280,
            metrics={"validation": metrics, "test": metrics} if metrics else {},
            undefined={"test": undefined} if undefined else {},
            history=tuple(_validation(arm, rng, step) for step in range(15, 15 * N_VALIDATIONS + 1, 15)),
            environment={"code_version": "0.1.0", "torch": "2.14.1", "device": "cpu", "threads": 1},
            times_s={"set_up": 1.2, "train": 14.0, "evaluate": 2.0, "write": 0.1},
            started_at="2026-07-01T10:00:00Z",
            finished_at="2026-07-01T10:00:18Z",
        )
    )


def _validation(arm: LargeArm, rng: np.random.Generator, step: int) -> dict[str, float]:
    loss = float(arm.mss * rng.normal(1, 0.01) + 1.2 / (1 + step / 50))
    return {"step": float(step), "train_loss": loss, "validation_loss": loss, "elapsed_s": step / 20}


def _clip_values(
    arm: LargeArm, rng: np.random.Generator, n_clips: int
) -> Mapping[str, Float[ndarray, "clip modulation"]]:
    """Values by full name without modulation; a few calm curves are flat, so that total variation is undefined."""
    values = {}
    for metric in METRICS:
        if isinstance(metric.compute, TrialCost):
            continue
        for projection in ("", *metric.projections):
            name = ".".join(part for part in (metric.name, projection) if part)
            mean = {"audio.mss": arm.mss, "interpretability.tv": arm.tv}.get(name, 0.3 + 0.1 * arm.mss)
            noise = rng.normal(1, 0.2, (n_clips, len(MODULATIONS))) * rng.normal(1, 0.02)
            values[name] = (mean * noise).astype(np.float32)
    # The curves of the same difficult sounds are flat for many arms.
    flat = rng.random((n_clips, len(MODULATIONS))) < 0.3
    flat[n_clips // 8 :] = False
    values["interpretability.tv"][flat] = np.nan
    return values
