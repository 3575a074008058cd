"""An interrupt cancels the running trials, unless another driver has taken over the study. Ray does not run here."""

from pathlib import Path
from typing import Any

import pytest

from core.storage.records import StudyPlan
from core.storage.store import Store
from study.execution.outcomes import TrialLimits
from study.execution.runner import run_trials
from study.execution.trial_events import TrialEvents
from study.execution.trial_queue import TrialQueue
from study.planning.resources import Machine, allocate
from study.progress import StudyProgress


class InterruptedTuner:
    def __init__(self, *_: Any, **__: Any) -> None:
        """Take all that a tuner takes."""

    def fit(self) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("holds_study", [True, False])
def test_an_interrupt_cancels_the_trials_of_a_study_that_is_still_held(
    store: Store, plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holds_study: bool
) -> None:
    cancelled: list[TrialEvents] = []
    monkeypatch.setattr("ray.tune.Tuner", InterruptedTuner)
    for name in ("with_parameters", "with_resources"):
        monkeypatch.setattr(f"ray.tune.{name}", lambda trainable, *_, **__: trainable)
    monkeypatch.setattr(TrialEvents, "cancel", lambda events: cancelled.append(events))
    resources = allocate(
        [Machine(cpus=2, gpus=0)],
        needs_gpu=False,
        trials_at_once=None,
        cpus_per_trial=None,
        gpus_per_trial=None,
        memory_per_trial=None,
        arms=[arm.name for arm in plan.arms],
        overrides=(),
    )
    with pytest.raises(KeyboardInterrupt):
        run_trials(
            store,
            TrialQueue(plan, plan.trials, lambda *_: None),
            resources,
            TrialLimits(),
            tmp_path,
            StudyProgress(planned=6, trials_at_once=2),
            lambda _: None,
            holds_study=lambda: holds_study,
        )
    assert len(cancelled) == holds_study
