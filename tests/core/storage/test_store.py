"""The store: atomic writes, exclusive creation, plans and attempts."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from core.errors import StoreError
from core.storage.records import PlannedArm, PlanSegment, StudyDefinition, TrialRecord
from core.storage.store import Store
from tests.support.stores import STORES
from tests.support.waiting import wait_for

RECORD = TrialRecord(digest="d", study="s", arm="a", seed=0, attempt="", outcome="finished", config={})
DEFINITION = StudyDefinition(name="s", question="Why?", objectives=())
WRITE_ELSEWHERE = """
import sys, time
from pathlib import Path
from core.errors import StoreError
from core.storage.store import Store

folder, name = Path(sys.argv[1]), sys.argv[2]
store = Store(folder / "store")
(folder / f"ready-{name}").touch()
while not (folder / "go").exists():
    time.sleep(0.001)
for number in range(200):
    try:
        store.put_new(f"keys/{number:03d}", name.encode())
    except StoreError:
        continue
    print(f"{number:03d}")
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs" / "study")


@pytest.fixture(params=STORES)
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return STORES[request.param](tmp_path)


def segment_of(*arms: str) -> PlanSegment:
    return PlanSegment(
        stage="search", arms=tuple(PlannedArm(name=arm, settings={}, config={}, sha256=arm) for arm in arms)
    )


class TestKeys:
    def test_values_come_back_and_are_replaced(self, any_store: Store) -> None:
        any_store.put("a/b.json", b"1")
        any_store.put("a/b.json", b"2")
        assert any_store.get("a/b.json") == b"2"
        assert any_store.has("a/b.json")
        assert not any_store.has("a")
        any_store.drop("a/b.json")
        assert not any_store.has("a/b.json")

    def test_missing_key_is_an_error_that_names_it(self, any_store: Store) -> None:
        with pytest.raises(StoreError, match="holds no a/c"):
            any_store.get("a/c")

    def test_names_leave_out_unfinished_writes(self, store: Store) -> None:
        store.put("a/b.json", b"1")
        store.put("a/c/d.json", b"1")
        assert store.local_root is not None
        (store.local_root / "a" / ".b.json.123").write_bytes(b"half")
        (store.local_root / "a" / "c" / ".d.json.123").write_bytes(b"half")
        assert store.names("a") == ["b.json", "c"]
        assert store.all_names("a") == ["b.json", "c/d.json"]
        assert store.names("nothing") == store.all_names("nothing") == []

    def test_names_are_relative_to_their_prefix(self, any_store: Store) -> None:
        for key in ("a/x", "a/b/y", "a/b/c/z", "ab/w"):
            any_store.put(key, b"")
        assert any_store.names("a") == ["b", "x"]
        assert any_store.all_names("a") == ["b/c/z", "b/y", "x"]
        assert any_store.all_names("a/b") == ["c/z", "y"]

    def test_uri_and_folder_are_one_store(self, tmp_path: Path) -> None:
        by_uri = Store(f"file://{tmp_path}/study")
        attempt = by_uri.begin("d")
        attempt.put("x", b"1")
        assert Store(tmp_path / "study").get(attempt.key("x")) == b"1"
        assert by_uri.local_root == tmp_path / "study"

    def test_relative_root_is_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        store = Store("runs/study")
        monkeypatch.chdir("/")
        store.put("x", b"1")
        assert (tmp_path / "runs" / "study" / "x").read_bytes() == b"1"


class TestNewKeys:
    def test_second_writer_is_refused(self, any_store: Store) -> None:
        any_store.put_new("a/b", b"first")
        with pytest.raises(StoreError, match=r"already holds a/b; another process wrote it: run the command again"):
            any_store.put_new("a/b", b"second")
        assert any_store.get("a/b") == b"first"

    def test_of_two_racing_processes_one_writes_each_key(self, tmp_path: Path) -> None:
        names = ("a", "b")
        processes = [
            subprocess.Popen([sys.executable, "-c", WRITE_ELSEWHERE, tmp_path, name], stdout=subprocess.PIPE, text=True)
            for name in names
        ]
        wait_for(*(tmp_path / f"ready-{name}" for name in names))
        (tmp_path / "go").touch()
        won = [process.communicate(timeout=120)[0].split() for process in processes]
        assert [process.returncode for process in processes] == [0, 0]
        assert sorted(won[0] + won[1]) == [f"{number:03d}" for number in range(200)]
        store = Store(tmp_path / "store")
        for name, keys in zip(names, won, strict=True):
            assert {store.get(f"keys/{key}") for key in keys} <= {name.encode()}


class TestPlan:
    def test_study_is_created_once(self, any_store: Store) -> None:
        assert not any_store.has_study
        any_store.create_study(DEFINITION)
        assert any_store.has_study
        with pytest.raises(StoreError, match=r"already holds study\.json"):
            any_store.create_study(replace(DEFINITION, question="Why not?"))
        assert any_store.plan().definition == DEFINITION

    def test_plan_is_the_definition_and_its_segments_in_order(self, any_store: Store) -> None:
        any_store.create_study(DEFINITION)
        assert any_store.plan().segments == ()
        segments = tuple(segment_of(f"arm-{number}") for number in range(12))
        for segment in segments:
            any_store.append_segment(segment)
        assert any_store.plan().definition == DEFINITION
        assert any_store.plan().segments == segments
        assert any_store.names("plan") == [f"{number:04d}.json" for number in range(1, 13)]

    def test_without_a_study_there_is_no_plan(self, store: Store) -> None:
        with pytest.raises(StoreError, match=r"holds no study\.json"):
            store.plan()

    def test_no_segment_is_lost_to_another_writer(self, store: Store) -> None:
        store.create_study(DEFINITION)
        n_threads = 6
        barrier = Barrier(n_threads)

        def append(thread: int) -> list[str]:
            added = []
            for number in range(20):
                barrier.wait()
                try:
                    store.append_segment(segment_of(f"{thread}-{number}"))
                    added.append(f"{thread}-{number}")
                except StoreError:
                    continue
            return added

        with ThreadPoolExecutor(n_threads) as pool:
            added = [name for names in pool.map(append, range(n_threads)) for name in names]
        assert sorted(arm.name for arm in store.plan().arms) == sorted(added)
        assert len(added) >= 20


class TestAttempts:
    def test_latest_committed_attempt_counts(self, any_store: Store) -> None:
        attempts = [any_store.begin("d")]
        for _ in range(2):
            attempts[-1].put("x", b"")
            attempts.append(any_store.begin("d"))
        attempts[-1].put("x", b"")
        assert [attempt.name[:4] for attempt in attempts] == ["0001", "0002", "0003"]
        assert any_store.attempts("d") == attempts[::-1]
        assert any_store.committed("d") is None
        assert any_store.record("d") is None
        records = [attempt.commit(replace(RECORD, attempt=attempt.name)) for attempt in attempts[:2]]
        assert any_store.committed("d") == attempts[1]
        assert any_store.record("d") == records[1]
        assert records[1].attempt == attempts[1].name

    def test_record_of_another_attempt_is_refused(self, store: Store) -> None:
        first, second = store.begin("d"), store.begin("d")
        with pytest.raises(StoreError, match="does not belong to"):
            second.commit(replace(RECORD, attempt=first.name))
        with pytest.raises(StoreError, match="does not belong to"):
            second.commit(replace(RECORD, digest="e", attempt=second.name))
        assert not second.is_committed

    def test_names_are_those_of_the_attempt_alone(self, any_store: Store) -> None:
        attempt, other = any_store.begin("d"), any_store.begin("d")
        for name in ("model.pt", "audio/a.target.flac", "audio/b.target.flac"):
            attempt.put(name, name.encode())
        other.put("curves.arrow", b"")
        assert attempt.names() == ["audio", "model.pt"]
        assert attempt.names("audio") == ["a.target.flac", "b.target.flac"]
        assert attempt.all_names() == ["audio/a.target.flac", "audio/b.target.flac", "model.pt"]
        assert attempt.get("audio/a.target.flac") == b"audio/a.target.flac"
        attempt.drop("model.pt")
        assert attempt.names() == ["audio"]

    def test_ledger_has_every_committed_record(self, any_store: Store) -> None:
        for digest in ("d2", "d1", "d3"):
            attempt = any_store.begin(digest)
            attempt.put("x", b"")
            if digest != "d3":
                attempt.commit(replace(RECORD, digest=digest, attempt=attempt.name))
        assert [record.digest for record in any_store.ledger()] == ["d1", "d2"]
