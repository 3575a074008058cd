"""Ranges: domains of the numbers between two ends, one class per kind.

Every range maps positions in [0, 1) to its values, so that uniform positions give uniform or log-uniform values.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import ConfigError
from core.settings.value_rules import shown_value
from search_spaces.options import Option, label_of

_BELOW_ONE = math.nextafter(1.0, 0.0)
"""The largest position."""
_STEP_TOLERANCE = 1e-6
"""Rounding error of a number of steps that is admitted."""


class _Numbers:
    """Methods that all ranges of numbers share."""

    __slots__ = ()

    low: Any
    high: Any

    @property
    def size(self) -> int | None:
        """Number of values; None if it is not finite."""
        return None

    def values(self) -> tuple[Option, ...] | None:
        """All values in ascending order; None if there is no finite number of them."""
        if self.size is None:
            return None
        return tuple(_number(self._value(index)) for index in range(self.size))

    def corners(self) -> tuple[Option, ...]:
        """The options with which the domain is checked: both ends."""
        return _number(self.low), _number(self.high)

    def to_parameter(self, option: Option) -> Any:
        """The option as a plain parameter of a sampler: the number."""
        return option.value

    def _value(self, index: int) -> Any:
        """The value of an index among finitely many ones."""
        raise NotImplementedError

    def _check_inside(self, value: Any) -> None:
        """Check that a number lies in the range.

        Raises:
            ConfigError: it does not.
        """
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            raise ConfigError(f"{shown_value(value)} is not between {label_of(self.low)} and {label_of(self.high)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniform(_Numbers):
    """Real numbers from `low` to `high`, both included; equal steps of the position are equal differences."""

    low: float
    high: float
    step: float | None = None
    """Distance of neighbouring values, which then are finitely many; None for all real numbers of the range."""
    kind: Literal["uniform"] = "uniform"

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high)
        if self.step is not None:
            _check_step(self.low, self.high, self.step)

    @property
    def size(self) -> int | None:
        """Number of values; None without a step."""
        return None if self.step is None else round((self.high - self.low) / self.step) + 1

    def at(self, position: float) -> Option:
        """The number at a position in [0, 1)."""
        if self.size is not None:
            return _number(self._value(int(position * self.size)))
        return _number(min(max(self.low + position * (self.high - self.low), self.low), self.high))

    def position(self, value: float) -> float:
        """The position of a number, or the centre of its positions if there is a step.

        Raises:
            ConfigError: the number is not in the range.
        """
        self._check_inside(value)
        if self.size is not None:
            return (self._index(value) + 0.5) / self.size
        return min((value - self.low) / (self.high - self.low), _BELOW_ONE)

    def from_parameter(self, parameter: float) -> Option:
        """The option of a plain parameter, the inverse of `to_parameter`; a step's rounding error is removed.

        Raises:
            ConfigError: the number is not in the range.
        """
        self._check_inside(parameter)
        return _number(float(parameter) if self.step is None else self._value(self._index(parameter)))

    def _index(self, value: float) -> int:
        assert self.step is not None
        return round((value - self.low) / self.step)

    def _value(self, index: int) -> float:
        assert self.step is not None
        # Twelve digits: 0 + 3 * 0.1 is 0.3, not 0.30000000000000004.
        return min(float(f"{self.low + index * self.step:.12g}"), self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogUniform(_Numbers):
    """Real numbers from `low` to `high`, both included; equal steps of the position are equal ratios."""

    low: float
    high: float
    kind: Literal["log_uniform"] = "log_uniform"

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high)
        _check_positive(self.low)

    def at(self, position: float) -> Option:
        """The number at a position in [0, 1)."""
        return _number(min(max(self.low * (self.high / self.low) ** position, self.low), self.high))

    def position(self, value: float) -> float:
        """The position of a number.

        Raises:
            ConfigError: the number is not in the range.
        """
        self._check_inside(value)
        return min(math.log(value / self.low) / math.log(self.high / self.low), _BELOW_ONE)

    def from_parameter(self, parameter: float) -> Option:
        """The option of a plain parameter, the inverse of `to_parameter`.

        Raises:
            ConfigError: the number is not in the range.
        """
        self._check_inside(parameter)
        return _number(float(parameter))


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(_Numbers):
    """Whole numbers from `low` to `high`, both included."""

    low: int
    high: int
    log: bool = False
    """Whether equal steps of the position are equal ratios instead of equal differences."""
    step: int = 1
    """Distance of neighbouring values."""
    kind: Literal["integer"] = "integer"

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high)
        if self.log:
            _check_positive(self.low)
            if self.step != 1:
                raise ConfigError(f"a logarithmic range has no step; got step={self.step}; leave out log or step")
        _check_step(self.low, self.high, self.step)

    @property
    def size(self) -> int:
        """Number of values."""
        return (self.high - self.low) // self.step + 1

    def at(self, position: float) -> Option:
        """The number at a position in [0, 1).

        Each number has an equal share of the positions, or, if `log` is set, the share of its interval of width 1.
        """
        if not self.log:
            return _number(self._value(min(int(position * self.size), self.size - 1)))
        low, high = self._log_ends
        return _number(min(max(round(low * (high / low) ** position), self.low), self.high))

    def position(self, value: float) -> float:
        """A position of a number: the centre of its share, or its own logarithm if `log` is set.

        Raises:
            ConfigError: the number is not in the range.
        """
        self._check_inside(value)
        if not self.log:
            return (self._index(value) + 0.5) / self.size
        low, high = self._log_ends
        return math.log(value / low) / math.log(high / low)

    def from_parameter(self, parameter: float) -> Option:
        """The option of a plain parameter, the inverse of `to_parameter`.

        Raises:
            ConfigError: the number is not in the range.
        """
        self._check_inside(parameter)
        return _number(self._value(self._index(parameter)))

    @property
    def _log_ends(self) -> tuple[float, float]:
        """Ends of the range of real numbers that round to the values; else both ends would have half a share."""
        return self.low - 0.5, self.high + 0.5

    def _index(self, value: float) -> int:
        return round((value - self.low) / self.step)

    def _value(self, index: int) -> int:
        return self.low + index * self.step


Range = Uniform | LogUniform | Integer
"""Domain of the numbers between two ends."""


def number_range(
    low: float, high: float, *, log: bool = False, step: float | None = None, is_integer: bool = False
) -> Range:
    """The range between two ends, of whole numbers if `is_integer` is set.

    Raises:
        ConfigError: the ends are not in ascending order, or do not fit `log`, `step` or `is_integer`.
    """
    if is_integer:
        for name, value in (("low", low), ("high", high), ("step", step)):
            if value is not None and not float(value).is_integer():
                raise ConfigError(f"the setting takes whole numbers only; got {name}={value}; round it")
        return Integer(low=int(low), high=int(high), log=log, step=1 if step is None else int(step))
    if not log:
        return Uniform(low=float(low), high=float(high), step=None if step is None else float(step))
    if step is not None:
        raise ConfigError(f"a logarithmic range has no step; got step={step}; leave out log or step")
    return LogUniform(low=float(low), high=float(high))


def _number(value: float) -> Option:
    return Option(label=label_of(value), value=value)


def _check_ends(low: float, high: float) -> None:
    if not (low < high and math.isfinite(high - low)):
        raise ConfigError(
            f"a range needs finite ends with low < high; got low={low}, high={high}; for a single value give `value`"
        )


def _check_positive(low: float) -> None:
    if low <= 0:
        raise ConfigError(f"a logarithmic range lies above 0; got low={low}; raise low or set log = false")


def _check_step(low: float, high: float, step: float) -> None:
    """Check that a whole number of steps leads from one end to the other."""
    n_steps = (high - low) / step if step > 0 else 0
    if math.isinf(n_steps):
        raise ConfigError(f"steps of {step} from low={low} to high={high} are too many to count; raise step")
    if n_steps < 1 - _STEP_TOLERANCE:
        raise ConfigError(f"a step is positive and at most high - low; got step={step} for {low} to {high}; change it")
    if abs(n_steps - round(n_steps)) > _STEP_TOLERANCE:
        last = label_of(low + math.floor(n_steps) * step)
        raise ConfigError(f"steps of {step} from low={low} do not reach high={high}; lower high to {last}")
