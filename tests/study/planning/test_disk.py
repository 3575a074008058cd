"""The size of a trial's files is known before it runs."""

from pathlib import Path

import pytest

from core.settings.loading import from_settings
from core.storage.records import Split, Stage, StudyPlan
from core.storage.store import Store
from core.training.model import build_model
from core.training.trial import run_trial
from study.planning.disk import trial_bytes


def size_of(folder: Path) -> int:
    """Size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("stage", ["design", "search"])
def test_estimate_is_the_size_of_the_files_of_a_real_trial(plan: StudyPlan, tmp_path: Path, stage: Stage) -> None:
    trial = plan.trials[0]
    config = from_settings(plan.config_of(trial))
    n_weights = sum(value.numel() for value in build_model(config).state_dict().values())
    store = Store(tmp_path / "one")
    splits: tuple[Split, ...] = ("validation",) if stage == "search" else ("validation", "test")
    assert run_trial(config, store=store, study="tiny", arm=trial.arm, stage=stage, splits=splits).outcome == "finished"
    estimated = trial_bytes(config, stage=stage, n_test=config.data.expected_clips[2], n_weights=n_weights)
    assert estimated == pytest.approx(size_of(tmp_path / "one"), rel=0.2)
