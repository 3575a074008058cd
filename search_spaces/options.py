"""Options: labelled values, of which the domains of a search space consist."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from core.settings.dotted import flatten


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A value with a readable label; for a part of the config the value is a table of settings below its path."""

    label: str
    value: Any

    def settings(self, path: str) -> dict[str, Any]:
        """Dotted settings if this option is chosen at `path`."""
        if isinstance(self.value, Mapping):
            return flatten(self.value, f"{path}.")
        return {path: self.value}


def label_of(value: Any) -> str:
    """A plain value as text: 8.0 is "8", True is "true"."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list | tuple):
        return ",".join(map(label_of, value))
    return str(value)


def value_key(value: Any) -> Hashable:
    """A hashable key of a plain value or a table, equal for equal values."""
    if isinstance(value, Mapping):
        return frozenset((key, value_key(item)) for key, item in value.items())
    return tuple(map(value_key, value)) if isinstance(value, list | tuple) else value
