"""Hash of a config over its settings; paths are replaced by the hashes of their content."""

import dataclasses
import hashlib
import json
from typing import Any

from core.settings.schema import PLAIN_TYPES, hashed_settings


def settings_sha256(part: object) -> str:
    """Hex sha256 of a config, a part of one, or a tuple of parts and plain values; paths do not affect it."""
    text = json.dumps(_without_paths(part), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def trial_digest(arm_sha256: str, seed: int) -> str:
    """Digest of a trial: 16 hex digits from the hash of its config without the seed, and the seed."""
    return hashlib.sha256(f"{arm_sha256} seed {seed}".encode()).hexdigest()[:16]


def _without_paths(value: Any) -> Any:
    """A config as nested dicts and a tuple as a list, without the settings marked by `ContentPath`."""
    cls = type(value)
    if cls in PLAIN_TYPES:
        return value
    if cls is tuple:
        return [_without_paths(item) for item in value]
    if not dataclasses.is_dataclass(cls):
        return value
    return {name: _without_paths(getattr(value, name)) for name in hashed_settings(cls)}
