"""Rules for early stopping are read from a study file, and refused where losses cannot be compared."""

from typing import Any

import pytest

from core.errors import ConfigError
from search_spaces.early_stopping import AshaConfig, MedianConfig
from search_spaces.study_parsing import parse_study
from tests.support.tiny_study import tiny_study

SEARCH = {"arms_per_cell": 9, "space": [{"path": "optimizer.lr", "low": 1e-4, "high": 1e-1, "log": True}]}


@pytest.mark.parametrize(
    ("table", "settings"),
    [
        ({"kind": "asha"}, AshaConfig()),
        ({"kind": "asha", "grace_steps": 20, "reduction_factor": 2}, AshaConfig(grace_steps=20, reduction_factor=2.0)),
        (
            {"kind": "median", "min_trials": 3, "stages": ["search", "design"]},
            MedianConfig(min_trials=3, stages=("search", "design")),
        ),
    ],
)
def test_a_study_file_has_a_rule(table: dict[str, Any], settings: object) -> None:
    study = tiny_study(search=SEARCH, early_stopping=table)
    assert study.early_stopping == settings
    assert parse_study(study.to_settings()) == study


def test_without_a_table_no_trial_is_stopped() -> None:
    assert tiny_study(search=SEARCH).early_stopping is None


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "early_stopping.kind: choose one of asha, median; got None"),
        ({"kind": "hyperband"}, "early_stopping.kind: choose one of asha, median; got 'hyperband'"),
        ({"kind": "asha", "grace": 3}, "unknown key early_stopping.grace in a study file; did you mean"),
        ({"kind": "median", "reduction_factor": 3}, "unknown key early_stopping.reduction_factor"),
        ({"kind": "asha", "grace_steps": 0}, "early_stopping.grace_steps: must be greater than or equal to 1"),
        ({"kind": "asha", "reduction_factor": 1}, "early_stopping.reduction_factor: must be greater than 1"),
        ({"kind": "asha", "stages": ["final"]}, "early_stopping.stages.0: must be 'design'"),
        ("asha", "early_stopping is a table, written"),
    ],
)
def test_a_mistake_is_named(table: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tiny_study(search=SEARCH, early_stopping=table)


def test_losses_of_different_kinds_are_not_compared() -> None:
    space = [{"path": "data.n_train", "values": [8, 16]}]
    message = "early_stopping compares validation losses, which mean different things with different data.n_train"
    with pytest.raises(ConfigError, match=message):
        tiny_study(search={"arms_per_cell": 9, "space": space}, early_stopping={"kind": "asha"})
    tiny_study(search={"arms_per_cell": 9, "space": space}, early_stopping={"kind": "asha", "stages": ["design"]})
    with pytest.raises(ConfigError, match="with different audio.duration_s"):
        tiny_study(
            space=[{"path": "audio.duration_s", "values": [0.5, 1.0]}],
            early_stopping={"kind": "median", "stages": ["design"]},
        )
