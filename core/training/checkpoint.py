"""Checkpoints: all that a trial needs to go on as if it had never stopped.

No random state is among it: every draw derives from (seed, purpose, step), see `core.seeding`.
"""

import io
import logging
import zipfile
from dataclasses import dataclass, field, fields
from pickle import UnpicklingError
from typing import Any

import torch

from core.errors import StoreError
from core.storage.store import Attempt, Store

MODEL_NAME = "model.pt"
_PREFIX = "checkpoint-"
_KEPT = 2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A trial after `step` steps; weights and optimizers are in their training state."""

    digest: str
    step: int
    model: dict[str, Any]
    optimizers: list[dict[str, Any]]
    best_model: dict[str, Any]
    """Averaged weights of the best validation so far."""
    best_step: int
    best_loss: float
    history: list[dict[str, float]] = field(default_factory=list)
    recent_losses: list[float] = field(default_factory=list)
    """Training losses since the last validation."""
    elapsed_s: float = 0.0


def save_checkpoint(attempt: Attempt, checkpoint: Checkpoint) -> None:
    """Keep a checkpoint with its attempt, and drop all but the attempt's newest two."""
    content = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    attempt.put(f"{_PREFIX}{checkpoint.step:08d}.pt", to_bytes(content))
    for name in _checkpoint_names(attempt)[_KEPT:]:
        attempt.drop(name)


def latest_checkpoint(store: Store, digest: str) -> Checkpoint | None:
    """The furthest checkpoint of any attempt at this trial; damaged ones are passed over with a warning.

    Raises:
        StoreError: a checkpoint belongs to another config.
    """
    found = ((name, attempt) for attempt in store.attempts(digest) for name in _checkpoint_names(attempt))
    for name, attempt in sorted(found, key=lambda pair: pair[0], reverse=True):
        try:
            content = from_bytes(attempt.get(name))
        except (RuntimeError, EOFError, UnpicklingError, zipfile.BadZipFile) as error:
            _log.warning("passing over the damaged checkpoint %s: %s", attempt.key(name), error)
            continue
        checkpoint = Checkpoint(**content)
        if checkpoint.digest != digest:
            raise StoreError(
                f"{attempt.key(name)} was written by config {checkpoint.digest}, not {digest}; it is not resumed: "
                "remove it, or run the config that wrote it"
            )
        return checkpoint
    return None


def drop_checkpoints(attempt: Attempt) -> None:
    """Forget an attempt's checkpoints; a committed trial needs none."""
    for name in _checkpoint_names(attempt):
        attempt.drop(name)


def to_bytes(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def from_bytes(data: bytes) -> Any:
    """Tensors and plain values only: nothing in a file can run code here."""
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def _checkpoint_names(attempt: Attempt) -> list[str]:
    return sorted((name for name in attempt.names() if name.startswith(_PREFIX)), reverse=True)
