"""A worker gets its trial as text, and a reused one starts each trial as a new one would."""

import gc
import random
import time
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.settings.loading import from_settings
from core.settings.trial import TrialConfig
from core.storage.records import StudyPlan, TrialRecord
from core.storage.store import Store
from core.training.trainer import OnProgress, Progress
from study.execution import worker
from study.execution.worker import clean_start, run_planned_trial, task_text
from tests.support.tiny_study import record_of


class Gone:
    """Something in a reference cycle."""

    def __init__(self, cycle: list[object]) -> None:
        self.cycle = cycle


def progress_at(step: int) -> Progress:
    return Progress(step=step, max_steps=4, train_loss=0.5, validation_loss=0.6, elapsed_s=0.1)


def test_nothing_of_an_earlier_trial_is_left() -> None:
    def draws() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002

    clean_start(1)
    first = draws()
    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float64)
    clean_start(1)
    assert draws() == first
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() is torch.float32
    assert torch.get_num_threads() == 1


def test_a_worker_runs_the_trial_of_its_text_and_reports_its_progress(
    plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = plan.trials[1]
    reports: list[dict[str, Any]] = []

    def run(config: TrialConfig, *, store: Store, on_progress: OnProgress, **labels: object) -> TrialRecord:
        assert config == from_settings(plan.config_of(trial))
        assert store.root == str(tmp_path)
        assert labels == {
            "study": "tiny",
            "arm": trial.arm,
            "stage": "design",
            "splits": ("validation", "test"),
            "timeout_s": 60.0,
        }
        for step in (1, 2):
            on_progress(progress_at(step))
        return record_of(plan, trial)

    monkeypatch.setattr("core.training.trial.run_trial", run)
    monkeypatch.setattr("ray.tune.report", reports.append)
    task = task_text(trial, plan.config_of(trial), threads=1, has_rungs=False)
    run_planned_trial({"task": task}, root=str(tmp_path), study="tiny", timeout_s=60.0)
    # Progress is not reported more often than once a second, and a trial of two steps takes less.
    assert reports == [{"step": 4, "outcome": "finished"}]


def test_progress_is_reported_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter((100.0, 100.5, 101.0, 101.5, 102.5))
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    reports = worker._Reports(has_rungs=False)
    found = [reports.content(progress_at(1)) for _ in range(4)]
    assert found == [None, {"step": 1, "train_loss": 0.5, "first_step": 0}] * 2


def test_a_trial_that_may_be_stopped_reports_every_validation_but_has_no_rung_at_its_end() -> None:
    entries = [{"step": float(step), "validation_loss": 3.0 - step} for step in range(3)]
    reports = worker._Reports(has_rungs=True)
    first = reports.content(replace(progress_at(1), history=entries[:2]))
    assert first == {
        "step": 1,
        "train_loss": 0.5,
        "first_step": 0,
        "n_before": 0,
        "history": entries[:2],
        worker.RUNG_STEP: 1,
        worker.RUNG_LOSS: 0.6,
    }
    assert reports.content(replace(progress_at(1), history=entries[:2])) is None, "there was no validation since"
    last = reports.content(replace(progress_at(4), history=entries))
    assert last == {"step": 4, "train_loss": 0.5, "first_step": 0, "n_before": 2, "history": entries[2:]}


def test_what_a_slow_collection_leaves_is_not_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SLOW_COLLECTION_S", 0.0)
    try:
        worker.collect_garbage()
        assert gc.get_freeze_count() > 10_000
        monkeypatch.setattr(worker, "SLOW_COLLECTION_S", 60.0)
        cycle: list[object] = []
        cycle.append(Gone(cycle))
        gone = weakref.ref(cycle[0])
        del cycle
        before = gc.get_freeze_count()
        worker.collect_garbage()
        assert gone() is None, "later garbage is collected"
        assert gc.get_freeze_count() <= before
    finally:
        gc.unfreeze()
