"""Numbers and directions in words, the same in the terminal, the page and the figures."""

from dataclasses import dataclass

from core.metrics.catalog import Direction, metric_info
from core.results import Objective
from dashboards.analysis.statistics import Estimate


@dataclass(frozen=True, slots=True)
class Axis:
    """A metric as the axis of a front."""

    metric: str
    direction: Direction

    @property
    def objective(self) -> Objective | None:
        """None for a property that is neither better large nor better small."""
        return None if self.direction == "describe" else Objective(metric=self.metric, direction=self.direction)


def axis(metric: str, objectives: tuple[Objective, ...] = ()) -> Axis:
    """A metric's axis, in the direction that the study gives it or else the catalog's.

    Raises:
        ConfigError: no metric has this name.
    """
    info = metric_info(metric)
    chosen = next((objective.direction for objective in objectives if objective.metric == metric), None)
    return Axis(metric, chosen or info.direction)


def number(value: float | None) -> str:
    """Three significant digits; a dash for what is not known."""
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
    return "" if estimate.lo is None else f"[{number(estimate.lo)}, {number(estimate.hi)}]"


def signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{number(value)}"


def better(direction: Direction) -> str:
    """Which way is better, in words."""
    match direction:
        case "minimize":
            return "smaller is better"
        case "maximize":
            return "larger is better"
        case "describe":
            return "neither way is better"


def listed(names: list[str] | tuple[str, ...]) -> str:
    """`a, b and c`; "none" for nothing."""
    if not names:
        return "none"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
