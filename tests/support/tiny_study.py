"""A tiny study, and records of its trials that no trainer made."""

from dataclasses import replace

from core.settings.dotted import flatten
from core.storage.records import TrialRecord

TINY = {
    "name": "tiny",
    "question": "Does it run?",
    "seeds": [0, 1],
    "config": {
        "device": "cpu",
        "data": {"kind": "synthetic", "n_train": 8, "n_validation": 4, "n_test": 4},
        "trainer": {"max_steps": 4, "batch_size": 2, "validate_every": 2, "checkpoint_every": 2},
    },
    "arms": [
        {"name": "lpf-8", "config": {"parameterization": {"kind": "low_pass", "cutoff_hz": 8.0}}},
        {"name": "frame", "config": {"parameterization": {"kind": "frame"}}},
        {"name": "constant", "config": {"parameterization": {"kind": "constant"}}},
    ],
}


def record_of(trial, minute=0, **changes):
    """A finished record with numbers that follow from arm and seed."""
    base = {"lpf-8": 1.0, "frame": 0.5, "constant": 2.0}[trial.arm] + trial.seed / 10
    values = {"audio.mss": base, "interpretability.tv": 3 - base, "interpretability.range": 0.5, "curves.l1": None}
    record = TrialRecord(
        digest=trial.digest,
        study="tiny",
        arm=trial.arm,
        seed=trial.seed,
        attempt="0001-abcdef",
        outcome="finished",
        is_baseline=trial.arm == "constant",
        config=flatten(trial.config),
        steps=4,
        best_step=2,
        metrics={"test": values, "validation": values},
        history=(
            {"step": 0.0, "train_loss": 2.0, "validation_loss": 2.5, "elapsed_s": 0.0},
            {"step": 2.0, "train_loss": 1.0, "validation_loss": 1.5, "elapsed_s": 1.0},
        ),
        environment={"git_commit": "abc", "host": "here"},
        started_at=f"2026-01-01T10:{minute:02d}:00+00:00",
        finished_at=f"2026-01-01T10:{minute:02d}:30+00:00",
    )
    return replace(record, **changes)


def commit(store, trial, minute=0, **changes):
    attempt = store.begin(trial.digest)
    record = record_of(trial, minute, attempt=attempt.name, **changes)
    attempt.commit(record)
    return record
