"""Settings by dotted path, the one language of command line, search spaces, MLflow and reports."""

from collections.abc import Iterable, Mapping
from typing import Any

from core.errors import ConfigError

Settings = Mapping[str, Any]


def nest(settings: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Dotted settings, later ones winning, as nested mappings.

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
                raise ConfigError(f"{path} is set although {parent} already has the value {child!r}; set only one")
            node = child
        node[last] = value
    return nested


def flatten(settings: Settings, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted settings, in order."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{path}.")
        else:
            flat[path] = value
    return flat
