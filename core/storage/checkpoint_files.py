"""Names of the checkpoints of trials in the store, which can be listed without reading them.

Their contents are those of `core.training.checkpoint`.
"""

import re

from core.storage.store import Attempt, Store

_NAME = re.compile(r"checkpoint-(\d+)\.pt")


def checkpoint_name(step: int) -> str:
    """Name in an attempt of the checkpoint after a number of steps; names sort by steps."""
    return f"checkpoint-{step:08d}.pt"


def checkpoint_names(attempt: Attempt) -> list[str]:
    """Names of the checkpoints of an attempt, latest first."""
    return sorted((name for name in attempt.names() if _NAME.fullmatch(name)), reverse=True)


def latest_checkpoint_step(store: Store, digest: str) -> int | None:
    """The largest step of a checkpoint of any attempt at a trial, from which it would resume; None if there is none."""
    names = [name for attempt in store.attempts(digest) for name in checkpoint_names(attempt)]
    return max((int(match[1]) for name in names if (match := _NAME.fullmatch(name))), default=None)
