"""Checkpoints: the latest intact one is found, old ones are deleted, and loading runs no code."""

import io
from pathlib import Path

import pytest
import torch

from core.errors import StoreError
from core.storage.store import Store
from core.training.checkpoint import (
    Checkpoint,
    drop_checkpoints,
    from_bytes,
    latest_checkpoint,
    save_checkpoint,
    to_bytes,
)


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
