"""A worker gets its trial as text, and a reused one starts each trial as a new one would."""

import json
import random
from dataclasses import asdict
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
from study.execution.worker import clean_start, run_planned_trial
from tests.support.tiny_study import record_of


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
        assert labels == {"study": "tiny", "arm": trial.arm, "stage": "design", "splits": ("validation", "test")}
        for step in (1, 2):
            on_progress(Progress(step=step, max_steps=4, train_loss=0.5, validation_loss=0.6, elapsed_s=0.1))
        return record_of(plan, trial)

    monkeypatch.setattr("core.training.trial.run_trial", run)
    monkeypatch.setattr("ray.tune.report", reports.append)
    task = {"trial": asdict(trial), "config": plan.config_of(trial), "threads": 1}
    run_planned_trial({"task": json.dumps(task)}, root=str(tmp_path), study="tiny")
    # The second report comes too soon after the first one.
    assert reports == [
        {"step": 1, "train_loss": 0.5, "validation_loss": 0.6},
        {"step": 4, "outcome": "finished"},
    ]
