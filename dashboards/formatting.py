"""Numbers, directions and lists as text, the same in the terminal, the page and the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from core.errors import ConfigError
from core.metrics import catalog
from core.metrics.base import Direction
from core.storage.records import Objective
from dashboards.analysis.statistics import Estimate


@dataclass(frozen=True, slots=True)
class Axis:
    """A metric as the axis of a front or the column of a table."""

    metric: str
    """Full name."""
    direction: Direction
    label: str
    """Full name with the unit."""

    @property
    def objective(self) -> Objective | None:
        """None for a property that is neither better large nor better small."""
        return None if self.direction == "neutral" else Objective(metric=self.metric, direction=self.direction)

    @property
    def group(self) -> str:
        return self.metric.partition(".")[0]


def axis(metric: str, objectives: Sequence[Objective] = ()) -> Axis:
    """The axis of a metric, in the direction that the study's objectives give it, or else the catalogue's.

    A metric that the catalogue does not list, as records of another version may have, is neutral and has no unit.
    """
    direction: Direction
    try:
        direction, label = catalog.metric_of(metric).direction, catalog.label(metric)
    except ConfigError:
        direction, label = "neutral", metric
    chosen = next((objective.direction for objective in objectives if objective.metric == metric), None)
    return Axis(metric, chosen or direction, label)


def better(direction: Direction) -> str:
    """Which way is better, as a phrase."""
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
    """` ↓` or ` ↑` towards the better side, for the heading of a column; empty for a neutral metric."""
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
    """Three significant digits; a dash for None."""
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def interval(estimate: Estimate | None) -> str:
    """`0.834 [0.71, 0.95]`; the mean alone where one seed gives no interval."""
    if estimate is None:
        return "–"
    if estimate.lo is None:
        return number(estimate.mean)
    return f"{number(estimate.mean)} {bounds(estimate)}"


def bounds(estimate: Estimate) -> str:
    """`[0.71, 0.95]`; empty where one seed gives no interval."""
    return "" if estimate.lo is None else f"[{number(estimate.lo)}, {number(estimate.hi)}]"


def signed(value: float) -> str:
    """`number` with a plus sign before positive values."""
    return f"{'+' if value > 0 else ''}{number(value)}"


def listed(names: Sequence[str]) -> str:
    """`a, b and c`; "none" for an empty list."""
    if not names:
        return "none"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def short(value: object) -> str:
    """A setting's or a fact's value for a table cell."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {short(item)}" for key, item in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(short, value))
    return "unset" if value is None else str(value)


def plural(count: int, noun: str) -> str:
    """`1 seed`, `2 seeds`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
