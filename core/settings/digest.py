"""The hash that names a config: over its settings, with the hash of a content in place of the path to it."""

import dataclasses
import hashlib
import json
from typing import Any

from core.settings.schema import content_path, setting_types


def settings_sha256(part: object) -> str:
    """Hex sha256 of a config, of a part of one, or of several parts and plain values in a tuple; paths are left out."""
    text = json.dumps(_without_paths(part), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _without_paths(part: Any) -> Any:
    if not dataclasses.is_dataclass(part) or isinstance(part, type):
        return [_without_paths(item) for item in part] if isinstance(part, tuple) else part
    annotations = setting_types(type(part))
    return {
        field.name: _without_paths(getattr(part, field.name))
        for field in dataclasses.fields(part)
        if content_path(annotations[field.name]) is None
    }
