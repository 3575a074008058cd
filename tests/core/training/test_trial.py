"""A whole trial in a store: what it keeps, and what happens when it fails, dies or is tried again."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile
import torch

from core.errors import StoreError
from core.storage.code_version import code_version
from core.storage.curves import SCHEMA, TrialCurves, curve_array, read_curves, write_curves
from core.storage.records import StudyPlan, TrialRecord, plan_from_json, plan_to_json
from core.storage.store import Store
from core.training import trial
from core.training.checkpoint import from_bytes
from core.training.trainer import Progress
from core.training.trial import run_trial
from core.training.warmup import estimate_seconds
from tests.core.training.test_trainer import tiny


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs" / "study")


def comparable(record: TrialRecord) -> tuple[object, ...]:
    history = [{k: v for k, v in entry.items() if k != "elapsed_s"} for entry in record.history]
    return record.digest, record.outcome, record.metrics, record.undefined, record.best_step, history


def test_finished_trial_leaves_record_curves_sounds_and_weights(store: Store) -> None:
    config = tiny("trainer.n_audio_clips=2")
    record = run_trial(config, store=store, study="s", arm="lpf-8")
    assert record.outcome == "finished"
    assert store.record(config.digest) == record
    assert list(store.ledger()) == [record]
    assert record.steps == 12
    assert set(record.metrics) == {"validation", "test"}
    attempt = store.committed(record.digest)
    assert attempt is not None
    assert set(attempt.names()) == {"audio", "curves.arrow", "model.pt", "record.json"}
    assert len(attempt.names("audio")) == 4

    table = read_curves(store, [record.digest])
    assert table.schema.equals(SCHEMA)
    assert table.num_rows == 4 * 3
    target, estimate = curve_array(table["target"]), curve_array(table["estimate"])
    assert target is not None
    assert estimate is not None
    assert np.abs(target - estimate).mean() == pytest.approx(record.metrics["test"]["curves.l1"], rel=1e-5)
    assert np.mean(table["audio_mss"].to_pylist()) == pytest.approx(record.metrics["test"]["audio.mss"], rel=1e-5)

    audio, sample_rate = soundfile.read(io.BytesIO(attempt.get(f"audio/{attempt.names('audio')[0]}")))
    assert (sample_rate, len(audio)) == (16_000, 4000)
    weights = from_bytes(attempt.get("model.pt"))
    assert weights["digest"] == record.digest


def test_killed_trial_goes_on_from_its_checkpoint_to_the_same_result(store: Store, tmp_path: Path) -> None:
    config = tiny()

    class Killed(BaseException):
        pass

    def die_late(progress: Progress) -> None:
        if progress.step >= 8:
            raise Killed

    with pytest.raises(Killed):
        run_trial(config, store=store, study="s", arm="a", report=die_late)
    assert store.record(config.digest) is None
    steps: list[int] = []
    resumed = run_trial(config, store=store, study="s", arm="a", report=lambda progress: steps.append(progress.step))
    assert steps[0] == 8
    whole = run_trial(config, store=Store(tmp_path / "other"), study="s", arm="a")
    assert comparable(resumed) == comparable(whole)
    assert resumed.attempt.startswith("0002-")


def test_failure_is_recorded_and_a_later_attempt_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny()

    def broken(*_: object) -> None:
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patch:
        patch.setattr(trial, "cached_dataset", broken)
        record = run_trial(config, store=store, study="s", arm="a")
    assert record.outcome == "failed"
    assert record.error is not None
    assert record.error.startswith("RuntimeError: out of luck")
    again = run_trial(config, store=store, study="s", arm="a")
    assert again.outcome == "finished"
    assert store.record(config.digest) == again


def test_divergence_is_an_outcome(store: Store) -> None:
    record = run_trial(tiny("trainer.diverged_above=0.1"), store=store, study="s", arm="a")
    assert record.outcome == "diverged"
    assert record.metrics == {}


def test_estimate_of_the_time_grows_with_the_steps() -> None:
    few, many = (estimate_seconds(tiny(f"trainer.max_steps={steps}")) for steps in (10, 1000))
    assert many > 10 * few


def test_code_version_names_the_code() -> None:
    assert code_version().startswith("0.")
    assert "+core." in code_version()


class TestStore:
    def test_keys_are_written_whole_and_names_hide_unfinished_ones(self, store: Store) -> None:
        store.put("a/b.json", b"1")
        assert store.local_root is not None
        (store.local_root / "a" / ".b.json.123").write_bytes(b"half")
        assert store.names("a") == ["b.json"]
        assert store.get("a/b.json") == b"1"
        assert store.names("nothing") == []
        with pytest.raises(StoreError, match="holds no a/c"):
            store.get("a/c")

    def test_uncommitted_attempts_do_not_count_and_the_latest_committed_does(self, store: Store) -> None:
        record = TrialRecord(digest="d", study="s", arm="a", seed=0, attempt="", outcome="finished", config={})
        attempts = [store.begin("d")]
        for _ in range(2):
            attempts[-1].put("x", b"")
            attempts.append(store.begin("d"))
        attempts[-1].put("x", b"")
        assert [attempt.name[:4] for attempt in attempts] == ["0001", "0002", "0003"]
        assert store.committed("d") is None
        for attempt in attempts[:2]:
            attempt.commit(replace(record, attempt=attempt.name))
        assert store.committed("d") == attempts[1]
        with pytest.raises(StoreError, match="does not belong to"):
            attempts[2].commit(replace(record, attempt=attempts[0].name))

    def test_a_uri_works_like_a_folder(self, tmp_path: Path) -> None:
        store = Store(f"file://{tmp_path}/by-uri")
        attempt = store.begin("d")
        attempt.put("x", b"1")
        assert Store(tmp_path / "by-uri").get(attempt.key("x")) == b"1"

    def test_plan_survives_json(self, store: Store) -> None:
        plan = StudyPlan(name="s", question="?", objectives=(), arms=(), trials=())
        assert plan_from_json(plan_to_json(plan)) == plan
        store.put_plan(plan)
        assert store.plan() == plan


class TestCurveStore:
    def curves(self, truth: bool) -> TrialCurves:
        values = np.random.default_rng(0).random((2, 3, 7)).astype(np.float32)
        return TrialCurves(
            clip_ids=("a", "b"),
            modulations=("add", "sub", "env"),
            f0_hz=np.array([100.0, 200.0]),
            frame_rate=125.0,
            target=values if truth else None,
            estimate=values,
            fit=values if truth else None,
            audio_mss=np.array([0.5, 0.25]),
        )

    @pytest.fixture
    def kept(self, store: Store) -> Store:
        for name, truth in (("d1", True), ("d2", False)):
            attempt = store.begin(name)
            write_curves(attempt, self.curves(truth), study="s", arm=name, seed=4)
            record = TrialRecord(
                digest=name, study="s", arm=name, seed=4, attempt=attempt.name, outcome="finished", config={}
            )
            attempt.commit(record)
        return store

    def test_curves_come_back_row_by_row(self, kept: Store) -> None:
        table = read_curves(kept, ["d1", "d2", "unknown"])
        assert table.num_rows == 12
        assert table["modulation"].to_pylist()[:4] == ["add", "sub", "env", "add"]
        assert table["clip_id"].to_pylist()[2:4] == ["a", "b"]
        without = table.filter(pa.compute.equal(table["arm"], "d2"))
        assert curve_array(without["target"]) is None
        estimate = curve_array(without["estimate"])
        assert estimate is not None
        np.testing.assert_array_equal(estimate.reshape(2, 3, 7), self.curves(False).estimate)

    def test_another_schema_version_is_refused(self, kept: Store) -> None:
        attempt = kept.begin("d3")
        schema = SCHEMA.with_metadata({"modstudy.curves.version": "99"})
        sink = io.BytesIO()
        with pa.ipc.new_file(sink, schema):
            pass
        attempt.put("curves.arrow", sink.getvalue())
        attempt.commit(
            TrialRecord(digest="d3", study="s", arm="x", seed=0, attempt=attempt.name, outcome="finished", config={})
        )
        with pytest.raises(StoreError, match="schema version 99"):
            read_curves(kept, ["d3"])


def test_weights_only_loading_refuses_code() -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return print, ("code ran",)

    buffer = io.BytesIO()
    torch.save({"x": Evil()}, buffer)
    with pytest.raises(pickle.UnpicklingError):
        from_bytes(buffer.getvalue())
