"""Whole trials in a store: results, failures, kills and repeated attempts."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from core.clips import Clips
from core.metrics.curves import project_on_all
from core.metrics.evaluation import Estimates
from core.seeding import generator
from core.storage.clip_values import read_clip_values
from core.storage.curves import SCHEMA, curve_array, read_curves
from core.storage.records import TrialRecord
from core.storage.store import Attempt, Store
from core.training import trainer, trial
from core.training.checkpoint import from_bytes
from core.training.trainer import Progress
from core.training.trial import environment, evenly_spaced, outcome_of_error, run_trial
from tests.support.configs import GREY_BOX, tiny, tiny_on_folder
from tests.support.sounds import write_named_notes


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs" / "study")


def comparable(record: TrialRecord) -> tuple[object, ...]:
    history = [{name: value for name, value in entry.items() if name != "elapsed_s"} for entry in record.history]
    return record.digest, record.outcome, record.metrics, record.undefined, record.best_step, history


def committed(store: Store, record: TrialRecord) -> Attempt:
    attempt = store.committed(record.digest)
    assert attempt is not None
    assert attempt.name == record.attempt
    return attempt


class TestFinishedTrial:
    def test_record_is_in_the_ledger(self, store: Store) -> None:
        config = tiny()
        record = run_trial(config, store=store, study="s", arm="lpf-8")
        assert record.outcome == "finished"
        assert store.record(config.digest) == record
        assert list(store.ledger()) == [record]
        assert record.steps == 12
        assert set(record.metrics) == {"validation", "test"}
        assert (record.study, record.arm, record.seed, record.is_baseline) == ("s", "lpf-8", 0, False)
        assert set(record.times_s) == {"set_up", "train", "evaluate", "write"}
        assert record.environment == environment("cpu")
        assert record.started_at <= record.finished_at

    def test_curves_sounds_and_weights_are_stored_and_checkpoints_dropped(self, store: Store) -> None:
        record = run_trial(tiny("trainer.n_audio_clips=2"), store=store, study="s", arm="a")
        attempt = committed(store, record)
        assert set(attempt.names()) == {"audio", "clip_values.arrow", "curves.arrow", "model.pt", "record.json"}
        assert len(attempt.names("audio")) == 4
        for name in attempt.names("audio"):
            audio, sample_rate = soundfile.read(io.BytesIO(attempt.get(f"audio/{name}")))
            assert (sample_rate, len(audio)) == (16_000, 4000)
        assert from_bytes(attempt.get("model.pt"))["digest"] == record.digest

    def test_sounds_of_clips_all_over_the_split_are_stored(self) -> None:
        assert evenly_spaced(64, 4) == [8, 24, 40, 56]
        assert evenly_spaced(5, 2) == [1, 3]
        assert evenly_spaced(3, 9) == [0, 1, 2]
        assert evenly_spaced(3, 0) == evenly_spaced(0, 3) == []

    def test_curves_have_the_errors_of_the_record(self, store: Store) -> None:
        record = run_trial(tiny(), store=store, study="s", arm="a")
        table = read_curves(store, [record.digest])
        assert table.schema.equals(SCHEMA)
        assert table.num_rows == 4 * 3
        metrics = record.metrics["test"]
        target = curve_array(table["target"])
        assert target is not None
        for column, name in (("estimate", "curves.l1"), ("projection", "curves.l1.lls3")):
            curves = curve_array(table[column])
            assert curves is not None
            assert np.abs(target - curves).mean() == pytest.approx(metrics[name], rel=1e-5)
        assert np.mean(table["audio_mss"].to_pylist()) == pytest.approx(metrics["audio.mss"], rel=1e-5)

    def test_values_per_clip_have_the_means_and_undefined_counts_of_the_record(self, store: Store) -> None:
        record = run_trial(tiny(), store=store, study="s", arm="a")
        values = read_clip_values(store.attempt_of(record))
        assert values is not None
        for name, column in values.columns.items():
            counted = column[:, values.applies[name]]
            if name.startswith("audio."):
                counted = counted[:, :1]
            assert np.isnan(counted).sum() == record.undefined["test"].get(name, 0)
            means = [np.nan if np.isnan(each).all() else np.nanmean(each) for each in counted.T]
            expected = record.metrics["test"][name]
            assert expected is None or np.nanmean(means) == pytest.approx(expected, rel=1e-5)

    def test_sounds_without_truth_have_estimates_only(self, store: Store, tmp_path: Path) -> None:
        write_named_notes(tmp_path / "notes", midi=range(48, 56))
        config = tiny_on_folder("audio_folder", tmp_path / "notes", *GREY_BOX)
        record = run_trial(config, store=store, study="s", arm="a")
        assert record.outcome == "finished"
        assert not [name for name in record.metrics["test"] if name.startswith("curves.")]
        table = read_curves(store, [record.digest])
        assert set(table["modulation"].to_pylist()) == {"add", "sub", "env"}
        assert curve_array(table["target"]) is curve_array(table["projection"]) is None
        assert curve_array(table["estimate"]) is not None


def test_killed_trial_goes_on_from_its_checkpoint_to_the_same_result(store: Store, tmp_path: Path) -> None:
    config = tiny()

    class Killed(BaseException):
        pass

    def die_late(progress: Progress) -> None:
        if progress.step >= 8:
            raise Killed

    with pytest.raises(Killed):
        run_trial(config, store=store, study="s", arm="a", on_progress=die_late)
    assert store.record(config.digest) is None
    seen: list[Progress] = []
    resumed = run_trial(config, store=store, study="s", arm="a", on_progress=seen.append)
    assert seen[0].step == 8
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
    assert store.record(config.digest) == record
    again = run_trial(config, store=store, study="s", arm="a")
    assert again.outcome == "finished"
    assert store.record(config.digest) == again


def test_a_trial_that_cannot_fit_in_memory_is_not_begun(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "usable_memory", lambda: 0.25 * 2**30)
    record = run_trial(tiny(), store=store, study="s", arm="a")
    assert record.outcome == "out_of_memory"
    assert record.error is not None
    assert record.error.startswith(
        "MemoryError: the trial needs an estimated 1 GiB of memory, and the machine has 0.25"
    )


def test_divergence_is_an_outcome(store: Store) -> None:
    record = run_trial(tiny("trainer.diverged_above=0.1"), store=store, study="s", arm="a")
    assert record.outcome == "diverged"
    assert record.metrics == {}
    assert record.error is not None
    assert "trainer.diverged_above=0.1" in record.error
    assert committed(store, record).names() == ["record.json"]


def test_a_loss_that_is_no_number_is_an_outcome_of_its_own(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "train_step", lambda *_: torch.tensor(math.nan))
    record = run_trial(tiny(), store=store, study="s", arm="a")
    assert (record.outcome, record.steps) == ("nan", 1)
    assert record.error is not None
    assert "it was nan at step 1" in record.error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (MemoryError(), "out_of_memory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "out_of_memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"), "out_of_memory"),
        (RuntimeError("sizes do not match"), "failed"),
        (OSError("disk full"), "failed"),
    ],
)
def test_errors_are_outcomes(error: Exception, outcome: str) -> None:
    assert outcome_of_error(error) == outcome


def test_torch_says_that_memory_is_exhausted_in_the_words_that_are_looked_for() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60, dtype=torch.uint8)
    assert outcome_of_error(raised.value) == "out_of_memory"


def test_a_trial_that_takes_too_long_is_timed_out_and_goes_on_when_given_more_time(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny()
    now = 0.0
    monkeypatch.setattr("core.training.trial.time.monotonic", lambda: now)

    def take_long(progress: Progress) -> None:
        nonlocal now
        now = 100.0 if progress.step >= 8 else 50.0

    record = run_trial(config, store=store, study="s", arm="a", on_progress=take_long, timeout_s=60.0)
    assert (record.outcome, record.steps, record.metrics) == ("timed_out", 8, {})
    assert [entry["step"] for entry in record.history] == [0, 4, 8]
    assert record.error is not None
    assert "it took longer than 60 s: step 8 of 12; give it more time (--trial-timeout)" in record.error
    seen: list[Progress] = []
    again = run_trial(config, store=store, study="s", arm="a", on_progress=seen.append)
    assert seen[0].step > 4, "it goes on from its checkpoint"
    whole = run_trial(config, store=Store(tmp_path / "other"), study="s", arm="a")
    assert comparable(again) == comparable(whole)


def test_curves_of_a_synth_with_other_modulations_are_stored_by_name() -> None:
    draw = generator(0, "curves")
    truth, modulation = torch.rand(2, 3, 9, generator=draw), torch.rand(2, 2, 9, generator=draw)
    estimates = Estimates(
        clips=Clips(
            ids=("a", "b"),
            audio=torch.zeros(2, 100),
            f0_hz=torch.full((2,), 100.0),
            q=torch.zeros(2),
            modulation=truth,
            modulation_names=("add", "sub", "env"),
        ),
        audio=torch.zeros(2, 100),
        modulation=modulation,
        numbers=torch.ones(2, 2),
        modulation_names=("tone", "env"),
        sample_rate=16_000,
        frame_rate=125.0,
    )
    curves = {each.modulation: each for each in trial._curves_by_modulation(estimates)}
    assert list(curves) == ["tone", "env", "add", "sub"]
    projection = project_on_all(truth, modulation)
    for name, place in (("add", 0), ("sub", 1), ("env", 2)):
        np.testing.assert_array_equal(curves[name].target, truth[:, place].numpy())
        np.testing.assert_array_equal(curves[name].projection, projection[:, place].numpy())
    for name, place in (("tone", 0), ("env", 1)):
        np.testing.assert_array_equal(curves[name].estimate, modulation[:, place].numpy())
    assert curves["tone"].target is curves["tone"].projection is None
    assert curves["add"].estimate is curves["sub"].estimate is None
