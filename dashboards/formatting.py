"""Text for numbers, directions and lists, shared by the terminal, the report page and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from core.errors import ConfigError
from core.metrics import catalog
from core.metrics.base import Direction
from core.metrics.signatures import UNITS
from core.statistics.paired import Estimate
from core.storage.records import Objective, Signature


@dataclass(frozen=True, slots=True)
class Axis:
    """A metric as an axis of a plot or a column of a table."""

    metric: str
    """Full name of the metric."""
    direction: Direction
    label: str
    """Full name of the metric with its unit."""

    @property
    def objective(self) -> Objective | None:
        """The metric and its direction as an objective; None if the direction is neutral."""
        return None if self.direction == "neutral" else Objective(metric=self.metric, direction=self.direction)

    @property
    def group(self) -> str:
        """Group of the metric: its name up to the first dot, such as `audio`."""
        return self.metric.partition(".")[0]


def axis(metric: str, objectives: Sequence[Objective] = ()) -> Axis:
    """The axis of a metric, with the direction of its objective if it is one, otherwise with that of the catalogue.

    A metric that is not in the catalogue, for example from records of another version, is neutral and has no unit.
    """
    direction: Direction
    try:
        direction, label = catalog.metric_of(metric).direction, catalog.label(metric)
    except ConfigError:
        direction, label = "neutral", metric
    chosen = next((objective.direction for objective in objectives if objective.metric == metric), None)
    return Axis(metric, chosen or direction, label)


def better(direction: Direction) -> str:
    """A phrase for the direction of a metric, such as "smaller is better"."""
    match direction:
        case "minimize":
            return "smaller is better"
        case "maximize":
            return "larger is better"
        case "neutral":
            return "neither way is better"
        case _:
            assert_never(direction)


def arrow(direction: Direction) -> str:
    """` ↓` if smaller is better, ` ↑` if larger is better, for column headings; empty for a neutral metric."""
    match direction:
        case "minimize":
            return " ↓"
        case "maximize":
            return " ↑"
        case "neutral":
            return ""
        case _:
            assert_never(direction)


def number(value: float | None) -> str:
    """The value with three significant digits; a dash for None."""
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def interval(estimate: Estimate | None) -> str:
    """Mean and 95 % interval as `0.834 [0.71, 0.95]`; only the mean if there is no interval, a dash for None."""
    if estimate is None:
        return "–"
    if estimate.lo is None:
        return number(estimate.mean)
    return f"{number(estimate.mean)} {bounds(estimate)}"


def bounds(estimate: Estimate) -> str:
    """The 95 % interval as `[0.71, 0.95]`; empty for one seed, which has no interval."""
    return "" if estimate.lo is None else f"[{number(estimate.lo)}, {number(estimate.hi)}]"


def signed(value: float) -> str:
    """The value as `number` formats it, with a plus sign if it is positive."""
    return f"{'+' if value > 0 else ''}{number(value)}"


def join_names(names: Sequence[str]) -> str:
    """Names joined as `a, b and c`; "none" if there are none."""
    if not names:
        return "none"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def short(value: object) -> str:
    """The value of a setting or of a data summary as short text for a table cell."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {short(item)}" for key, item in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(short, value))
    return "unset" if value is None else str(value)


def state_text(state: str) -> str:
    """The state of a trial as text, such as `out of memory`."""
    return "NaN loss" if state == "nan" else state.replace("_", " ")


def signature_text(signature: Signature) -> str:
    """A failure signature in short, such as `no effect: add 0.0110`."""
    unit = f" {UNITS[signature.kind]}" if signature.kind in UNITS else ""
    return f"{signature.kind}: {signature.part} {number(signature.value)}{unit}"


def plural(count: int, noun: str) -> str:
    """A count with its noun in the singular or plural, such as `1 seed` or `2 seeds`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
