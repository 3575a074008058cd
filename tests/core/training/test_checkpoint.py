"""Checkpoints: the latest intact one is found, old ones are deleted, and loading runs no code."""

import io
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import StoreError
from core.storage.records import TrialRecord
from core.storage.sealed import seal
from core.storage.store import Store
from core.training.checkpoint import (
    Checkpoint,
    drop_checkpoints,
    from_bytes,
    latest_checkpoint,
    save_checkpoint,
    to_bytes,
)
from tests.support.damage import DAMAGES


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def checkpoint_at(step: int, digest: str = "d") -> Checkpoint:
    weights = {"w": torch.full((2,), float(step))}
    return Checkpoint(
        digest=digest, step=step, model=weights, optimizers=[], best_model=weights, best_step=0, best_loss=1.0
    )


def test_furthest_checkpoint_of_all_attempts_is_found_and_old_ones_are_dropped(store: Store) -> None:
    first = store.begin("d")
    for step in (5, 10, 15):
        save_checkpoint(first, checkpoint_at(step))
    second = store.begin("d")
    save_checkpoint(second, checkpoint_at(5))
    assert first.names() == ["checkpoint-00000010.pt", "checkpoint-00000015.pt"]
    found = latest_checkpoint(store, "d")
    assert found is not None
    assert found.step == 15
    assert torch.equal(found.model["w"], torch.full((2,), 15.0))
    assert latest_checkpoint(store, "other") is None


def test_damaged_checkpoint_is_passed_over(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    attempt = store.begin("d")
    save_checkpoint(attempt, checkpoint_at(5))
    attempt.put("checkpoint-00000010.pt", attempt.get("checkpoint-00000005.pt")[:100])
    attempt.put("checkpoint-00000015.pt", b"")
    found = latest_checkpoint(store, "d")
    assert found is not None
    assert found.step == 5
    assert caplog.text.count("damaged checkpoint") == 2


OTHER_CONTENT = {
    "nothing": b"",
    "garbage": b"\x00" * 500,
    "no tensors": seal(b"no tensors"),
    "a list": seal(to_bytes([1, 2])),
    "missing fields": seal(to_bytes({"digest": "d", "step": 10})),
    "other types": seal(to_bytes({"digest": "d", "step": "ten", "model": 5, "optimizers": {}, "best_model": None})),
    "keys that are no text": seal(to_bytes({1: 2})),
    "not sealed": to_bytes({"digest": "d", "step": 10}),
}


@pytest.mark.parametrize("content", OTHER_CONTENT)
def test_what_is_no_checkpoint_is_passed_over(store: Store, caplog: pytest.LogCaptureFixture, content: str) -> None:
    attempt = store.begin("d")
    save_checkpoint(attempt, checkpoint_at(5))
    store.put(attempt.key("checkpoint-00000010.pt"), OTHER_CONTENT[content])
    found = latest_checkpoint(store, "d")
    assert found is not None
    assert found.step == 5
    assert caplog.text.count("skipping the damaged checkpoint") == 1


@pytest.mark.parametrize("damage", ["one byte", "eight bytes", "longer", "folder", "loop", "pipe"])
def test_a_damaged_checkpoint_file_is_passed_over(store: Store, damage: str) -> None:
    attempt = store.begin("d")
    for step in (5, 10):
        save_checkpoint(attempt, checkpoint_at(step))
    DAMAGES[damage](Path(store.root) / attempt.key("checkpoint-00000010.pt"))
    found = latest_checkpoint(store, "d")
    assert found is not None
    assert found.step == 5
    assert torch.equal(found.model["w"], torch.full((2,), 5.0))


@given(st.data())
def test_no_changed_byte_of_a_checkpoint_is_loaded(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        attempt = store.begin("d")
        save_checkpoint(attempt, checkpoint_at(5))
        content = bytearray(attempt.get("checkpoint-00000005.pt"))
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        store.put(attempt.key("checkpoint-00000005.pt"), bytes(content))
        assert latest_checkpoint(store, "d") is None


def test_checkpoints_are_no_files_of_the_record(store: Store) -> None:
    attempt = store.begin("d")
    attempt.put("model.pt", b"weights")
    save_checkpoint(attempt, checkpoint_at(5))
    record = attempt.commit(
        TrialRecord(digest="d", study="s", arm="a", seed=0, attempt=attempt.name, outcome="timed_out", config={})
    )
    assert set(record.files) == {"model.pt"}


def test_checkpoint_of_another_config_is_refused(store: Store) -> None:
    save_checkpoint(store.begin("d"), checkpoint_at(5, "e"))
    with pytest.raises(StoreError, match="was written by config e, not d"):
        latest_checkpoint(store, "d")


def test_dropped_checkpoints_leave_everything_else(store: Store) -> None:
    attempt = store.begin("d")
    attempt.put("model.pt", b"")
    save_checkpoint(attempt, checkpoint_at(5))
    drop_checkpoints(attempt)
    assert attempt.names() == ["model.pt"]


def test_loading_runs_no_code() -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return print, ("code ran",)

    buffer = io.BytesIO()
    torch.save({"x": Evil()}, buffer)
    with pytest.raises(ValueError, match="UnpicklingError"):
        from_bytes(buffer.getvalue())


def test_plain_values_and_tensors_survive() -> None:
    weights = torch.arange(3.0)
    read = from_bytes(to_bytes({"digest": "d", "weights": {"w": weights}, "history": [{"step": 1.0}], "none": None}))
    assert torch.equal(read["weights"].pop("w"), weights)
    assert read == {"digest": "d", "weights": {}, "history": [{"step": 1.0}], "none": None}
