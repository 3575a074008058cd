"""A tiny study, and records of its trials that no trainer made."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from core.settings.dotted import flatten
from core.storage.code_version import code_version
from core.storage.records import MetricValues, PlannedTrial, StudyPlan, TrialRecord
from core.storage.store import Store
from search_spaces.study_file import StudyFile
from search_spaces.study_parsing import parse_study
from study.planning.plan import make_plan

ARMS: list[dict[str, Any]] = [
    {"name": "lpf-8", "config": {"parameterization": {"kind": "low_pass", "cutoff_hz": 8.0}}},
    {"name": "frame", "config": {"parameterization": {"kind": "frame"}}},
    {"name": "constant", "config": {"parameterization": {"kind": "constant"}}},
]
TINY: dict[str, Any] = {
    "name": "tiny",
    "question": "Does it run?",
    "seeds": [0, 1],
    "config": {
        "device": "cpu",
        "data": {"kind": "synthetic", "n_train": 8, "n_validation": 4, "n_test": 4},
        "trainer": {"max_steps": 4, "batch_size": 2, "validate_every": 2, "checkpoint_every": 2},
    },
    "arms": ARMS,
}
SEARCH: dict[str, Any] = {
    "arms_per_cell": 5,
    "round_size": 2,
    "sampler": {"kind": "random"},
    "space": [{"path": "optimizer.lr", "low": 1e-4, "high": 1e-1, "log": True}],
}
"""Rounds of 2, 2 and 1 arms."""
GENETIC: dict[str, Any] = {
    "arms_per_cell": 3,
    "sampler": {"kind": "nsga2", "population_size": 2},
    "grid": [{"path": "parameterization.kind", "values": ["frame", "spline"]}],
    "space": [
        {"path": "optimizer.lr", "low": 1e-4, "high": 1e-1, "log": True},
        {
            "path": "parameterization.n_segments",
            "low": 2,
            "high": 300,
            "when": {"parameterization.kind": "spline"},
        },
    ],
}
"""A search with generations in two cells, in one of which most points are infeasible."""
_MSS = {"lpf-8": 1.0, "frame": 0.5, "constant": 2.0}


def tiny_study(**changes: Any) -> StudyFile:
    """The tiny study with other values at some keys of its file."""
    return parse_study({**TINY, **changes})


def tiny_plan(**changes: Any) -> StudyPlan:
    return make_plan(tiny_study(**changes)).plan


def create_study(root: Path, plan: StudyPlan) -> Store:
    """A store that holds a plan, and no records."""
    store = Store(root)
    store.create_study(plan.definition)
    for segment in plan.segments:
        store.append_segment(segment)
    return store


def record_of(plan: StudyPlan, trial: PlannedTrial, minute: int = 0, **changes: Any) -> TrialRecord:
    """A finished record with numbers that follow from arm and seed, or, for an arm of a search, from its settings."""
    config = plan.config_of(trial)
    mss = _MSS.get(trial.arm, 1.5 + float(config["optimizer"]["lr"])) + trial.seed % 10 / 10
    values: MetricValues = {
        "audio.mss": mss,
        "interpretability.tv": 3 - mss,
        "interpretability.range": 0.5,
        "curves.l1": None,
    }
    record = TrialRecord(
        digest=trial.digest,
        study="tiny",
        arm=trial.arm,
        seed=trial.seed,
        attempt="0001-abcdef",
        stage=trial.stage,
        outcome="finished",
        is_baseline=trial.arm == "constant",
        config=flatten(config),
        steps=4,
        best_step=2,
        metrics=dict.fromkeys(trial.splits, values),
        history=(
            {"step": 0.0, "train_loss": 2.0, "validation_loss": 2.5, "elapsed_s": 0.0},
            {"step": 2.0, "train_loss": 1.0, "validation_loss": 1.5, "elapsed_s": 1.0},
        ),
        environment={"code_version": code_version(), "git_commit": "abc", "host": "here"},
        started_at=f"2026-01-01T10:{minute:02d}:00+00:00",
        finished_at=f"2026-01-01T10:{minute:02d}:30+00:00",
    )
    return replace(record, **changes)


def commit(store: Store, trial: PlannedTrial, minute: int = 0, **changes: Any) -> TrialRecord:
    """Write such a record as a new attempt at the trial."""
    attempt = store.begin(trial.digest)
    return attempt.commit(record_of(store.plan(), trial, minute, attempt=attempt.name, **changes))
