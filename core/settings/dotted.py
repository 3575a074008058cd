"""Conversion between nested settings and dotted paths such as `trainer.max_steps`."""

from collections.abc import Iterable, Mapping
from typing import Any

from core.errors import ConfigError
from core.settings.value_rules import shown_value

Settings = Mapping[str, Any]
"""Settings by name or dotted path; groups of settings may be nested mappings."""


def nest(settings: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Nested mappings from dotted settings; later settings override earlier ones.

    Raises:
        ConfigError: a path is set below one that has a plain value.
    """
    nested: dict[str, Any] = {}
    for path, value in settings:
        *parents, last = path.split(".")
        node = nested
        for parent in parents:
            child = node.setdefault(parent, {})
            if not isinstance(child, dict):
                raise ConfigError(
                    f"{path} is set although {parent} already has the value {shown_value(child)}; set only one"
                )
            node = child
        node[last] = value
    return nested


def flatten(settings: Settings, prefix: str = "") -> dict[str, Any]:
    """Dotted settings from nested mappings, in order, each path preceded by `prefix`."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{path}.")
        else:
            flat[path] = value
    return flat
