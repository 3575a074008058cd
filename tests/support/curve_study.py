"""Studies that consist of curve files only, with curves that a test chooses."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.storage.curves import ModulationCurves, TrialCurves, write_curves
from core.storage.records import PlannedArm, PlannedTrial, PlanSegment, Stage, StudyDefinition, TrialRecord
from core.storage.store import Attempt, Store

FRAME_RATE = 100.0
Curves = Float[ndarray, "clip frame"]


def trial_curves(by_modulation: Mapping[str, tuple[Curves | None, Curves | None]], mss: Sequence[float]) -> TrialCurves:
    """Curves of clips `clip-0`, `clip-1`, ... from true and recovered curves; the projection is the recovered curve."""
    return TrialCurves(
        clip_ids=tuple(f"clip-{index}" for index in range(len(mss))),
        f0_hz=np.full(len(mss), 220.0),
        frame_rate=FRAME_RATE,
        audio_mss=np.asarray(mss, dtype=np.float64),
        modulations=tuple(
            ModulationCurves(
                modulation=name, target=target, estimate=estimate, projection=None if target is None else estimate
            )
            for name, (target, estimate) in by_modulation.items()
        ),
    )


def random_curves(seed: int, n_clips: int = 2, n_frames: int = 16) -> TrialCurves:
    """Curves `add` and `env` of some clips."""
    rng = np.random.default_rng(seed)
    curves = {name: (rng.random((n_clips, n_frames)), rng.random((n_clips, n_frames))) for name in ("add", "env")}
    return trial_curves(curves, rng.random(n_clips).tolist())


def curve_study(
    store: Store,
    name: str,
    curves: Mapping[tuple[str, int], TrialCurves],
    *,
    baselines: Sequence[str] = (),
    stages: Mapping[str, Stage] | None = None,
) -> dict[tuple[str, int], Attempt]:
    """A study with the curves of each arm and seed; returns their committed attempts."""
    digests = {key: f"{name}-{arm}-{seed}" for key in curves for arm, seed in [key]}
    arms = [
        PlannedArm(name=arm, settings={}, config={}, sha256=f"{name}-{arm}", is_baseline=arm in baselines)
        for arm in dict.fromkeys(arm for arm, _ in curves)
    ]
    trials = [
        PlannedTrial(digest=digest, arm=arm, seed=seed, stage=(stages or {}).get(arm, "design"))
        for (arm, seed), digest in digests.items()
    ]
    store.create_study(StudyDefinition(name=name, question="Which curves?", objectives=()))
    store.append_segment(PlanSegment(stage="design", arms=tuple(arms), trials=tuple(trials)))
    attempts = {}
    for (arm, seed), own in curves.items():
        attempt = attempts[arm, seed] = store.begin(digests[arm, seed])
        write_curves(attempt, own, study=name, arm=arm, seed=seed)
        commit(attempt, name, arm, seed)
    return attempts


def commit(attempt: Attempt, study: str, arm: str, seed: int) -> None:
    """Commit an attempt with a record that has no metrics."""
    attempt.commit(
        TrialRecord(
            digest=attempt.digest, study=study, arm=arm, seed=seed, attempt=attempt.name, outcome="finished", config={}
        )
    )
