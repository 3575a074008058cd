"""Ledger segments: a store with compacted records says what one without them says, also after damage and retries."""

import logging
from pathlib import Path

import pytest

from core.storage import store as store_module
from core.storage.ledger_segments import LedgerRow, from_segment, to_segment
from core.storage.records import Outcome, StudyPlan, TrialRecord
from core.storage.store import Store
from tests.support.tiny_study import commit, create_study, tiny_plan

ROWS = [LedgerRow("a" * 16, "finished", "2026-01-01", b"{}"), LedgerRow("b" * 16, "nan", "2026-01-02", b"\xff\x00")]


@pytest.fixture(scope="module")
def plan() -> StudyPlan:
    return tiny_plan()


@pytest.fixture
def store(tmp_path: Path, plan: StudyPlan, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A study whose records are compacted from two on."""
    monkeypatch.setattr(store_module, "COMPACT_FROM", 2)
    return create_study(tmp_path / "tiny", plan)


def ledger(store: Store) -> dict[str, TrialRecord]:
    return {record.digest: record for record in store.ledger()}


def segments(store: Store) -> list[Path]:
    return sorted((Path(store.root) / "ledger").glob("*.arrow"))


def test_rows_survive_a_segment() -> None:
    assert from_segment(to_segment(ROWS), with_records=True) == ROWS
    without = from_segment(to_segment(ROWS), with_records=False)
    assert [(row.digest, row.outcome, row.record) for row in without] == [
        (row.digest, row.outcome, b"") for row in ROWS
    ]
    assert from_segment(to_segment([]), with_records=True) == []


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_damaged_segment_is_an_error(cut: int) -> None:
    with pytest.raises(ValueError, match="sha256|it is empty"):
        from_segment(to_segment(ROWS)[:cut], with_records=True)


def test_a_compacted_ledger_is_the_same_ledger(store: Store, plan: StudyPlan) -> None:
    outcomes: list[Outcome] = ["finished", "diverged", "finished", "failed"]
    for trial, outcome in zip(plan.trials, outcomes, strict=False):
        commit(store, trial, outcome=outcome)
    before = ledger(store), store.outcomes()
    assert store.compact() == 4
    assert len(segments(store)) == 1
    assert (ledger(store), store.outcomes()) == before
    assert store.compact() == 0
    commit(store, plan.trials[4])
    assert len(ledger(store)) == len(store.outcomes()) == 5
    assert len(segments(store)) == 1, "a single new record is not worth a segment"


def test_compacted_records_are_not_read_from_their_attempts(store: Store, plan: StudyPlan) -> None:
    for trial in plan.trials[:2]:
        commit(store, trial)
    before = ledger(store)
    store.compact()
    for path in Path(store.root).glob("trials/*/*/record.json"):
        path.write_bytes(b"not read")
    assert ledger(store) == before


def test_a_damaged_segment_is_left_out_with_a_warning(
    store: Store, plan: StudyPlan, caplog: pytest.LogCaptureFixture
) -> None:
    for trial in plan.trials[:3]:
        commit(store, trial)
    before = ledger(store)
    store.compact()
    (segment,) = segments(store)
    segment.write_bytes(segment.read_bytes()[:200])
    with caplog.at_level(logging.WARNING):
        assert ledger(store) == before
    assert "ledger/000001.arrow is left out because it is damaged" in caplog.text
    store.compact()
    assert ledger(store) == before


def test_a_trial_that_runs_again_counts_with_its_new_record(store: Store, plan: StudyPlan) -> None:
    first, second, third = plan.trials[:3]
    commit(store, first, outcome="diverged")
    commit(store, second)
    store.compact()
    store.reopen([first.digest])
    assert store.outcomes()[first.digest] == "diverged", "until it has a new record, the earlier one counts"
    commit(store, first, minute=5)
    assert store.outcomes()[first.digest] == ledger(store)[first.digest].outcome == "finished"
    commit(store, third)
    assert store.compact() == 2
    assert ledger(store)[first.digest].finished_at.startswith("2026-01-01T10:05")


def test_trials_that_resume_runs_again_are_not_compacted(store: Store, plan: StudyPlan) -> None:
    for trial, outcome in zip(plan.trials[:3], ("finished", "finished", "lost"), strict=True):
        commit(store, trial, outcome=outcome)
    assert store.compact() == 2
    commit(store, plan.trials[2], minute=5)
    assert store.outcomes()[plan.trials[2].digest] == "finished"
