"""Verification and repair of a study on every kind of store."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import DamageError, StoreError
from core.storage import store as store_module
from core.storage.records import PlannedTrial, PlanSegment, StudyDefinition, TrialRecord
from core.storage.store import Attempt, Store
from core.storage.verification import repair_study, verify_study
from study.execution.trial_queue import open_trials
from tests.support.curve_study import curve_study, random_curves
from tests.support.stores import STORES

SEEDS = (0, 1, 2)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A study with three trials."""
    store = STORES[request.param](tmp_path)
    curve_study(store, "mine", {("frame", seed): random_curves(seed) for seed in SEEDS})
    return store


def attempt_of(store: Store, seed: int) -> Attempt:
    attempt = store.committed(f"mine-frame-{seed}")
    assert attempt is not None
    return attempt


def flip(store: Store, key: str) -> None:
    data = bytearray(store.get(key))
    data[len(data) // 2] ^= 1
    store.put(key, bytes(data))


def test_an_intact_study_has_no_damage(store: Store) -> None:
    seen = []
    found = verify_study(store, on_file=lambda n_done, n_files: seen.append((n_done, n_files)))
    assert (found.damaged, found.remarks, found.n_files) == ([], [], 4 + 6)
    assert found.n_bytes == sum(attempt_of(store, seed).stored_files()["curves.arrow"].size for seed in SEEDS)
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_sizes_alone_show_missing_and_cut_files(store: Store) -> None:
    first, second, third = (attempt_of(store, seed).key("curves.arrow") for seed in SEEDS)
    flip(store, first)
    store.put(second, store.get(second)[:-1])
    store.drop(third)
    keys = [damage.key for damage in verify_study(store, read_contents=False).damaged]
    assert keys == [second, third]
    assert [damage.key for damage in verify_study(store).damaged] == [first, second, third]


def test_damaged_trials_are_open_after_a_repair_and_their_files_are_kept(store: Store) -> None:
    first, second, third = (attempt_of(store, seed) for seed in SEEDS)
    flip(store, first.key("record.json"))
    flip(store, second.key("curves.arrow"))
    flip(store, "plan/0001.json")
    store.drop("study-copy.json")
    kept = store.get(second.key("curves.arrow"))
    done = repair_study(store, verify_study(store))
    assert len(done) == 4
    assert verify_study(store).damaged == []
    assert [trial.seed for trial in open_trials(store, store.plan())] == [0, 1]
    assert store.get(f"damaged/{second.key('curves.arrow')}") == kept
    assert store.has(f"damaged/{first.key('record.json')}")
    assert store.has("damaged/plan/0001.json")
    assert store.committed(third.digest) == third
    assert repair_study(store, verify_study(store)) == []


def test_of_much_damage_the_first_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(tmp_path / "mine")
    for attempt in curve_study(store, "mine", {("frame", seed): random_curves(0) for seed in range(30)}).values():
        flip(store, attempt.key("record.json"))
    assert store.outcomes() == {}
    assert len(store.damaged_trials) == len(store.damage) == 30
    assert caplog.text.count("record.json is damaged") == 10
    assert caplog.text.count("further files in") == 1
    assert store.outcomes() == {}
    assert len(caplog.records) == 11


def test_an_earlier_attempt_does_not_count_in_place_of_a_damaged_one(store: Store) -> None:
    earlier = attempt_of(store, 0)
    later = store.begin(earlier.digest)
    later.commit(replace(earlier.record(), attempt=later.name))
    flip(store, later.key("record.json"))
    assert store.committed(earlier.digest) is None
    repair_study(store, verify_study(store))
    assert store.committed(earlier.digest) is None
    assert store.has(f"damaged/{earlier.key('record.json')}")


def test_a_repair_in_between_leaves_the_trial_open(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "COMPACT_FROM", 1)
    store.compact()
    damaged = attempt_of(store, 0)
    flip(store, damaged.key("curves.arrow"))
    flip(store, damaged.key("record.json"))

    def fail(_: Store, key: str) -> str:
        raise StoreError(f"{key} cannot be moved")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "set_aside", fail)
        with pytest.raises(StoreError, match="cannot be moved"):
            repair_study(store, verify_study(store))
    assert damaged.digest not in store.outcomes()
    repair_study(store, verify_study(store))
    assert [trial.digest for trial in open_trials(store, store.plan())] == [damaged.digest]


def test_with_a_damaged_note_no_earlier_copy_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "COMPACT_FROM", 1)
    store.compact()
    first = attempt_of(store, 0)
    store.reopen([first.digest])
    again = store.begin(first.digest)
    again.commit(replace(first.record(), attempt=again.name, outcome="nan"))
    flip(store, "ledger/000002.reopened.json")
    assert store.outcomes()[first.digest] == "nan"
    done = repair_study(store, verify_study(store))
    assert len(done) == 2
    assert store.names("ledger") == []
    assert store.outcomes()[first.digest] == "nan"


def test_both_copies_of_a_segment_are_too_few(store: Store) -> None:
    flip(store, "plan/0001.json")
    flip(store, "plan-copy/0001.json")
    found = verify_study(store)
    assert [damage.key for damage in found.damaged] == ["plan/0001.json", "plan-copy/0001.json"]
    for broken in (store.plan, lambda: repair_study(store, found)):
        with pytest.raises(DamageError, match="and its copy as well: .*plan-copy/0001.json is damaged.*another --name"):
            broken()


def test_copies_that_differ_are_named_and_the_file_counts(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "elsewhere")
    other.create_study(StudyDefinition(name="other", question="Why?", objectives=()))
    store.put("study-copy.json", other.get("study.json"))
    (damage,) = verify_study(store).damaged
    assert damage.problem.endswith("study-copy.json is damaged: it differs from study.json")
    assert store.plan().name == "mine"
    repair_study(store, verify_study(store))
    assert store.get("study-copy.json") == store.get("study.json")


@pytest.mark.parametrize("lost", [[1], [2], [3], [1, 2, 3]])
def test_lost_segments_are_read_from_their_copies(store: Store, lost: list[int]) -> None:
    for stage in ("seeds", "search"):
        store.append_segment(PlanSegment(stage=stage))
    plan = store.plan()
    for number in lost:
        store.drop(f"plan/{number:04d}.json")
    assert store.plan() == plan
    assert len(store.damage) == len(lost)
    store.append_segment(PlanSegment(stage="confirm"))
    assert [segment.stage for segment in store.plan().segments] == ["design", "seeds", "search", "confirm"]
    repair_study(store, verify_study(store))
    assert Store.names(store, "plan") == [f"{number:04d}.json" for number in (1, 2, 3, 4)]


def test_a_plan_with_trials_of_no_arm_is_damaged(tmp_path: Path) -> None:
    store = Store(tmp_path / "mine")
    store.create_study(StudyDefinition(name="mine", question="Why?", objectives=()))
    store.append_segment(PlanSegment(stage="design", trials=(PlannedTrial(digest="d", arm="none", seed=0),)))
    with pytest.raises(DamageError, match="trials of an arm that it does not have .'none'."):
        store.plan()
    assert [damage.key for damage in verify_study(store).damaged] == ["plan"]


def record_of(attempt: Attempt) -> TrialRecord:
    return TrialRecord(
        digest=attempt.digest, study="mine", arm="frame", seed=0, attempt=attempt.name, outcome="failed", config={}
    )


@pytest.mark.parametrize("digest", ["another trial", "mine-frame-0"])
def test_a_record_in_the_folder_of_another_attempt_does_not_count(store: Store, digest: str) -> None:
    attempt = attempt_of(store, 0)
    source = store.begin(digest)
    source.commit(record_of(source))
    store.put(attempt.key("record.json"), store.get(source.key("record.json")))
    store.drop(source.key("record.json"))
    assert store.record(attempt.digest) is None
    assert "and was moved here" in store.damaged_trials[attempt.digest]
