"""Checkpoints: the state from which a trial is resumed with the same results as without interruption.

They contain no random state, because every draw derives from (seed, purpose, step), see `core.seeding`. A file ends
with its sha256 (`core.storage.sealed`); one that is damaged in any way is passed over, so that an earlier one is taken.
"""

import io
import logging
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from pydantic import TypeAdapter

from core.errors import DamageError, MissingError, StoreError
from core.storage.checkpoint_files import checkpoint_name, checkpoint_names
from core.storage.sealed import seal, unseal
from core.storage.store import Attempt, Store

MODEL_NAME = "model.pt"
"""Name in an attempt of the weights with the best validation loss."""
_MAX_CHECKPOINTS = 2
"""Checkpoints stored per attempt; older ones are removed."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """State of a trial after `step` steps; weights and optimizers are in training mode."""

    digest: str
    step: int
    model: dict[str, Any]
    """State dict of the model."""
    optimizers: list[dict[str, Any]]
    """State dicts of the optimizers."""
    best_model: dict[str, Any]
    """Averaged weights with the best validation loss so far."""
    best_step: int
    best_loss: float
    history: list[dict[str, float]] = field(default_factory=list)
    recent_losses: list[float] = field(default_factory=list)
    """Training losses since the last validation."""
    elapsed_s: float = 0.0


def save_checkpoint(attempt: Attempt, checkpoint: Checkpoint) -> None:
    """Write a checkpoint into an attempt and remove all but the latest two."""
    content = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    attempt.put(checkpoint_name(checkpoint.step), seal(to_bytes(content)), is_temporary=True)
    for name in checkpoint_names(attempt)[_MAX_CHECKPOINTS:]:
        attempt.drop(name)


def latest_checkpoint(store: Store, digest: str) -> Checkpoint | None:
    """The checkpoint with the most steps of all attempts at a trial, None if there is none; damaged ones are skipped.

    Raises:
        StoreError: a checkpoint belongs to another config.
    """
    checkpoints = ((name, attempt) for attempt in store.attempts(digest) for name in checkpoint_names(attempt))
    for name, attempt in sorted(checkpoints, key=lambda pair: pair[0], reverse=True):
        try:
            checkpoint = _read(attempt.get(name))
        except (DamageError, MissingError, ValueError) as error:
            problem = str(error).partition("\n")[0]
            _log.warning("skipping the damaged checkpoint %s: %s", attempt.key(name), problem)
            continue
        if checkpoint.digest != digest:
            raise StoreError(
                f"{attempt.key(name)} was written by config {checkpoint.digest}, not {digest}; it is not resumed: "
                "remove it, or run the config that wrote it"
            )
        return checkpoint
    return None


def _read(data: bytes) -> Checkpoint:
    """The checkpoint in the content of a file.

    Raises:
        ValueError: there is none.
    """
    content = from_bytes(bytes(unseal(data)))
    try:
        # A copy of the content, with the types of the fields; tensors stay as they are.
        return TypeAdapter(Checkpoint).validate_python(content)
    except RecursionError as error:
        raise ValueError("its values are nested too deeply") from error


def drop_checkpoints(attempt: Attempt) -> None:
    """Remove all checkpoints of an attempt."""
    for name in checkpoint_names(attempt):
        attempt.drop(name)


def to_bytes(content: Any) -> bytes:
    """Tensors and plain values serialised by `torch.save`."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def from_bytes(data: bytes) -> Any:
    """Tensors (on the CPU) and plain values from the output of `to_bytes`; objects that could run code are refused.

    Raises:
        ValueError: the data are something else.
    """
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:
        # What torch raises depends on which byte of the file is wrong.
        raise ValueError(f"it has no tensors and plain values: {type(error).__name__}: {error}") from error
