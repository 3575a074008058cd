"""Domains: the values that a dimension of a search space can take."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import ConfigError
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


@dataclass(frozen=True, slots=True)
class Choice:
    """Domain of several values, drawn with equal probabilities."""

    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        if not self.options:
            raise ConfigError("a choice needs at least one value; got none")
        for name, items in (
            ("value", [option.value for option in self.options]),
            ("label", [option.label for option in self.options]),
        ):
            if duplicates := [item for index, item in enumerate(items) if item in items[:index]]:
                raise ConfigError(f"the values of a choice must be distinct; {name} {duplicates[0]!r} occurs twice")

    def corners(self) -> tuple[Option, ...]:
        """The options with which the domain is checked: all of them."""
        return self.options

    def at(self, position: float) -> Option:
        """The option at a position in [0, 1), of which each option has an equal share."""
        return self.options[int(position * len(self.options))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Domain of the numbers from `low` to `high`, both included; only integers if both are integers.

    It is for searches only, since it has no finite list of values to combine.
    """

    low: float
    high: float
    log: bool = False
    """Whether a uniform position gives a log-uniform number."""

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ConfigError(f"a range needs low < high; got low={self.low}, high={self.high}")
        if self.log and self.low <= 0:
            raise ConfigError(f"a logarithmic range lies above 0; got low={self.low}; raise low or set log = false")

    def corners(self) -> tuple[Option, ...]:
        """The options with which the domain is checked: both ends."""
        return tuple(Option(label=label_of(end), value=end) for end in (self.low, self.high))

    def at(self, position: float) -> Option:
        """The number at a position in [0, 1); equal steps are equal differences, or equal ratios if `log` is set."""
        is_integer = isinstance(self.low, int) and isinstance(self.high, int)
        # Without the margin of 0.5 both ends would have half the share of other integers.
        low, high = (self.low - 0.5, self.high + 0.5) if is_integer else (self.low, self.high)
        value = low * (high / low) ** position if self.log else low + position * (high - low)
        value = min(max(round(value) if is_integer else value, self.low), self.high)
        return Option(label=label_of(value), value=value)


Domain = Choice | Range
"""Values that a dimension of a search space can take."""


def choice(values: Iterable[Any]) -> Choice:
    """A choice of options or plain values; a plain value is its own label."""
    return Choice(
        tuple(value if isinstance(value, Option) else Option(label=label_of(value), value=value) for value in values)
    )


def label_of(value: Any) -> str:
    """A plain value as text: 8.0 is "8", True is "true"."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list | tuple):
        return ",".join(map(label_of, value))
    return str(value)
