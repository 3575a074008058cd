"""Trials that another study finished are copied under the new study's labels."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.storage.curves import CURVES_NAME, ModulationCurves, TrialCurves, read_curves, write_curves
from core.storage.records import PlannedTrial, StudyPlan, TrialRecord
from core.storage.store import Store
from study.execution import reuse
from study.execution.reuse import copy_finished
from study.execution.trial_queue import open_trials
from tests.support.tiny_study import ARMS, create_study, record_of, tiny_plan

SOUNDS = ("audio/test_0.target.flac", "audio/test_0.estimate.flac")
RENAMED = [{**ARMS[0], "name": "smooth"}, {**ARMS[1], "name": "raw"}, ARMS[2]]
"""The same arms under other names."""


def finish(store: Store, trial: PlannedTrial, **changes: Any) -> TrialRecord:
    """Write all that a finished trial leaves behind."""
    attempt = store.begin(trial.digest)
    curve = np.linspace(0, 1, 5, dtype=np.float32)[None]
    curves = TrialCurves(
        clip_ids=("test/0",),
        f0_hz=np.array([220.0], dtype=np.float32),
        frame_rate=128.0,
        audio_mss=np.array([0.5], dtype=np.float32),
        modulations=(
            ModulationCurves(modulation="add", target=curve, estimate=curve * trial.seed, projection=None),
            ModulationCurves(modulation="env", target=None, estimate=curve, projection=None),
        ),
    )
    study = store.plan().name
    write_curves(attempt, curves, study=study, arm=trial.arm, seed=trial.seed)
    for name in SOUNDS:
        attempt.put(name, f"{name} of {trial.digest}".encode())
    attempt.put("model.pt", f"weights of {trial.digest}".encode())
    return attempt.commit(record_of(store.plan(), trial, study=study, attempt=attempt.name, **changes))


@pytest.fixture
def first(tmp_path: Path) -> Store:
    """A study that is to be copied from."""
    return create_study(tmp_path / "first", replace_name(tiny_plan(), "first"))


@pytest.fixture
def second(tmp_path: Path) -> Store:
    """Another study with the same trials under other names, and a third seed."""
    return create_study(tmp_path / "second", replace_name(tiny_plan(arms=RENAMED, seeds=[0, 1, 2]), "second"))


def replace_name(plan: StudyPlan, name: str) -> StudyPlan:
    return replace(plan, definition=replace(plan.definition, name=name))


def copy_into(store: Store, *others: Store) -> Counter[str]:
    plan = store.plan()
    return copy_finished(store, plan.name, open_trials(store, plan), others)


def test_everything_of_a_trial_is_copied_under_the_labels_of_the_new_study(first: Store, second: Store) -> None:
    records = {trial.digest: finish(first, trial) for trial in first.plan().trials}
    assert copy_into(second, first) == {"first": 6}
    for trial in second.plan().trials:
        record = second.record(trial.digest)
        if trial.seed == 2:
            assert record is None
            continue
        source, copy = first.committed(trial.digest), second.committed(trial.digest)
        assert source is not None
        assert copy is not None
        assert record is not None
        assert replace(record, files={}) == replace(
            records[trial.digest], study="second", arm=trial.arm, attempt=copy.name, copied_from="first", files={}
        )
        assert set(record.files) == set(records[trial.digest].files)
        assert copy.all_names() == source.all_names()
        for name in (*SOUNDS, "model.pt"):
            assert copy.get(name) == source.get(name)


def test_curves_are_relabelled_and_otherwise_the_same(first: Store, second: Store) -> None:
    trial = first.plan().trials[3]
    finish(first, trial)
    copy_into(second, first)
    before, after = read_curves(first, [trial.digest]), read_curves(second, [trial.digest])
    assert after.schema == before.schema
    assert set(after["study"].to_pylist()) == {"second"}
    assert set(after["arm"].to_pylist()) == {"smooth"}
    labels = ["study", "arm"]
    assert after.drop_columns(labels).equals(before.drop_columns(labels))


def test_the_study_that_is_copied_from_stays_as_it_is(first: Store, second: Store, tmp_path: Path) -> None:
    for trial in first.plan().trials:
        finish(first, trial)
    files = {path: path.read_bytes() for path in (tmp_path / "first").rglob("*") if path.is_file()}
    copy_into(second, first)
    assert {path: path.read_bytes() for path in (tmp_path / "first").rglob("*") if path.is_file()} == files


def test_only_finished_trials_of_this_code_are_copied(first: Store, second: Store) -> None:
    trials = first.plan().trials
    finish(first, trials[0], environment={"code_version": "another"})
    finish(first, trials[1], environment={})
    finish(first, trials[2], outcome="failed", error="OSError: disk full")
    finish(first, trials[3], outcome="diverged")
    first.begin(trials[4].digest).put("checkpoint-00000002.pt", b"")
    finish(first, trials[5])
    assert copy_into(second, first) == {"first": 1}
    assert [record.digest for record in second.ledger()] == [trials[5].digest]


def test_after_a_change_of_the_code_nothing_is_copied(
    first: Store, second: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(first, first.plan().trials[0])
    monkeypatch.setattr(reuse, "code_version", lambda: "another")
    assert copy_into(second, first) == {}
    assert list(second.ledger()) == []


def test_the_attempt_that_counts_is_copied(first: Store, second: Store) -> None:
    trial = first.plan().trials[0]
    finish(first, trial, outcome="failed")
    record = finish(first, trial, best_step=4)
    copy_into(second, first)
    copy = second.record(trial.digest)
    assert copy is not None
    assert (copy.best_step, copy.finished_at) == (4, record.finished_at)


def test_a_copy_of_a_copy_names_the_study_that_trained(tmp_path: Path, first: Store, second: Store) -> None:
    first_trial, second_trial = first.plan().trials[:2]
    finish(first, first_trial)
    copy_into(second, first)
    finish(second, next(trial for trial in second.plan().trials if trial.digest == second_trial.digest))
    third = create_study(tmp_path / "third", replace_name(tiny_plan(), "third"))
    assert copy_into(third, second) == {"first": 1, "second": 1}
    copies = {record.digest: record.copied_from for record in third.ledger()}
    assert copies == {first_trial.digest: "first", second_trial.digest: "second"}


def test_copies_are_counted_by_the_study_they_come_from(tmp_path: Path, first: Store, second: Store) -> None:
    trials = first.plan().trials
    for trial in trials[:2]:
        finish(first, trial)
    for trial in second.plan().trials[1:7]:
        finish(second, trial)
    third = create_study(tmp_path / "third", replace_name(tiny_plan(seeds=[0, 1, 2]), "third"))
    # What both have comes from the one that is listed first.
    assert copy_into(third, first, second) == {"first": 2, "second": 5}


def test_a_trial_with_a_record_of_its_own_is_not_copied(first: Store, second: Store) -> None:
    trial = second.plan().trials[0]
    finish(first, first.plan().trials[0])
    finish(second, trial)
    assert copy_into(second, first) == {}
    assert len(second.attempts(trial.digest)) == 1


def test_a_copy_that_was_interrupted_does_not_count_and_is_made_again(
    first: Store, second: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = first.plan().trials[0]
    finish(first, trial)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(reuse, "copy_curves", stop)
        with pytest.raises(KeyboardInterrupt):
            copy_into(second, first)
    assert second.record(trial.digest) is None
    assert copy_into(second, first) == {"first": 1}
    copy = second.committed(trial.digest)
    assert copy is not None
    assert CURVES_NAME in copy.all_names()


def test_a_study_of_another_schema_version_is_not_copied_from_and_does_no_harm(first: Store, second: Store) -> None:
    trials = first.plan().trials
    finish(first, trials[0], schema_version=2)
    finish(first, trials[1])
    assert copy_into(second, first) == {"first": 1}
    assert second.record(trials[0].digest) is None


@pytest.mark.parametrize("name", [CURVES_NAME, "model.pt", SOUNDS[0]])
@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_trial_with_a_damaged_file_is_not_copied(first: Store, second: Store, name: str, damage: str) -> None:
    whole, damaged = first.plan().trials[:2]
    finish(first, whole)
    record = finish(first, damaged)
    key = first.attempt_of(record).key(name)
    if damage == "changed":
        first.put(key, first.get(key)[:-1] + b"?")
    else:
        first.drop(key)
    assert copy_into(second, first) == {"first": 1}
    assert second.record(damaged.digest) is None
