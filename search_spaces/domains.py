"""Domains: the values that a dimension of a search space can take, one class per kind.

Every domain maps positions in [0, 1) to its values. Domains of numbers between two ends are in `search_spaces.ranges`.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import ConfigError
from core.settings.value_rules import listed, shown_text, shown_value
from search_spaces.options import Option, label_of, value_key
from search_spaces.ranges import Range


@dataclass(frozen=True, slots=True)
class Choice:
    """Several values, drawn with equal probabilities."""

    options: tuple[Option, ...]
    kind: Literal["choice"] = "choice"

    def __post_init__(self) -> None:
        if not self.options:
            raise ConfigError("a choice needs at least one value; got none; add one to `values`")
        _check_distinct("value", [option.value for option in self.options])
        _check_distinct("label", [option.label for option in self.options])

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.options)

    def values(self) -> tuple[Option, ...]:
        """All values in order."""
        return self.options

    def corners(self) -> tuple[Option, ...]:
        """The options with which the domain is checked: all of them."""
        return self.options

    def at(self, position: float) -> Option:
        """The option at a position in [0, 1), of which each option has an equal share."""
        return self.options[int(position * len(self.options))]

    def position(self, value: Any) -> float:
        """The centre of the positions of a value or label.

        Raises:
            ConfigError: there is no such value.
        """
        for index, option in enumerate(self.options):
            if value == option.label or value == option.value:
                return (index + 0.5) / len(self.options)
        raise ConfigError(
            f"{shown_value(value)} is not among the values {listed([option.label for option in self.options])}"
        )

    def to_parameter(self, option: Option) -> str:
        """The option as a plain parameter of a sampler: its label."""
        return option.label

    def from_parameter(self, parameter: Any) -> Option:
        """The option of a plain parameter, the inverse of `to_parameter`."""
        return self.at(self.position(parameter))


@dataclass(frozen=True, slots=True)
class Fixed:
    """A single value."""

    option: Option
    kind: Literal["fixed"] = "fixed"

    @property
    def size(self) -> int:
        """Number of values, 1."""
        return 1

    def values(self) -> tuple[Option, ...]:
        """The value."""
        return (self.option,)

    def corners(self) -> tuple[Option, ...]:
        """The option with which the domain is checked."""
        return (self.option,)

    def at(self, position: float) -> Option:  # noqa: ARG002
        """The option, at every position."""
        return self.option

    def position(self, value: Any) -> float:
        """The centre of all positions.

        Raises:
            ConfigError: the value is another one.
        """
        if value != self.option.label and value != self.option.value:
            raise ConfigError(f"{shown_value(value)} is not the fixed value {shown_text(self.option.label)}")
        return 0.5

    def to_parameter(self, option: Option) -> str:
        """The option as a plain parameter of a sampler: its label."""
        return option.label

    def from_parameter(self, parameter: Any) -> Option:  # noqa: ARG002
        """The option, for every parameter."""
        return self.option


Domain = Choice | Fixed | Range
"""Values that a dimension of a search space can take."""


def choice(values: Iterable[Any]) -> Choice:
    """A choice of options or plain values; a plain value is its own label."""
    return Choice(tuple(map(_option, values)))


def fixed(value: Any) -> Fixed:
    """A domain with a single option or plain value; a plain value is its own label."""
    return Fixed(_option(value))


def _option(value: Any) -> Option:
    return value if isinstance(value, Option) else Option(label=label_of(value), value=value)


def _check_distinct(name: str, items: Sequence[Any]) -> None:
    seen: set[Hashable] = set()
    for item in items:
        if (key := value_key(item)) in seen:
            raise ConfigError(
                f"the values of a choice must be distinct; {name} {shown_value(item)} occurs twice; remove one"
            )
        seen.add(key)
