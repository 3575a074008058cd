"""The section "Comparisons": differences of arms paired by seed, each with its interval drawn, by metric."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.storage.records import Objective
from dashboards.analysis.arm_pairs import Reason
from dashboards.analysis.comparisons import Comparison, Conclusion
from dashboards.formatting import axis, better
from dashboards.report.section import ReportData, Section

CONCLUSION_TEXT: dict[Conclusion, str] = {
    "better": "better",
    "worse": "worse",
    "equivalent": "equivalent",
    "undecided": "cannot decide",
}
"""Text of a table cell by conclusion."""
REASON_TEXT: dict[Reason, str] = {
    "declared": "a declared contrast",
    "baseline": "the reference is the first arm",
    "front": "both are on the front",
}
"""Why arms are compared, by reason."""
MAX_ROWS = 60
"""Largest number of comparisons in a metric on the page."""
MAX_REACH = 4.0
"""An interval is cut where it is this many times as far from zero as the largest mean difference."""
_PRIORITY: dict[Reason, int] = {"declared": 0, "front": 1, "baseline": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an interval is drawn, in percent of the width of the plot."""

    mean: float
    lo: float
    hi: float
    is_cut: tuple[bool, bool]
    """Whether the interval goes on at its lower and upper end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    """A comparison with its texts and the place of its interval."""

    comparison: Comparison
    conclusion: str
    reason: str
    """Why the arms are compared."""
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Comparisons in one metric, on a common axis with zero in the middle."""

    objective: Objective
    label: str
    """Full name of the metric with its unit."""
    goal: str
    """A phrase for its better direction."""
    reach: float
    """Difference at the right end of the axis."""
    ticks: tuple[tuple[str, float], ...]
    """Differences as text, and their places in percent."""
    margin: tuple[float, float] | None
    """Places of the equivalence margin in percent; None without a margin."""
    rows: tuple[ForestRow, ...]
    n_left_out: int
    """Number of further comparisons in the metric."""


def forests(comparisons: Sequence[Comparison]) -> tuple[Forest, ...]:
    """The comparisons by metric; of more than `MAX_ROWS`, declared contrasts and pairs on the front come first."""
    by_objective: dict[Objective, list[Comparison]] = {}
    for comparison in comparisons:
        by_objective.setdefault(comparison.objective, []).append(comparison)
    return tuple(_forest(objective, members) for objective, members in by_objective.items())


def reach_of(comparisons: Iterable[Comparison]) -> float:
    """Half of the width of an axis around zero on which the means, margins and most of the intervals fit."""
    means, ends = [0.0], [0.0]
    for comparison in comparisons:
        estimate = comparison.difference.estimate
        means.append(abs(estimate.mean))
        if comparison.equivalence:
            means.append(comparison.equivalence.margin)
        if estimate.lo is not None and estimate.hi is not None:
            ends += [abs(estimate.lo), abs(estimate.hi)]
    return 1.08 * max(max(means), min(max(ends), MAX_REACH * max(means))) or 1.0


def conclusion_text(comparison: Comparison) -> str:
    """Text of the conclusion; for an undecided comparison with the number of seeds that would probably decide it."""
    if comparison.conclusion is None:
        return "–"
    text = CONCLUSION_TEXT[comparison.conclusion]
    needed = comparison.seeds_needed
    return f"{text}; {needed} seeds would" if needed is not None else text


# ---------------------------------------------------------------------------------------------------------------------


def _context(report: ReportData) -> Mapping[str, Any] | None:
    """Variables of the section's template; None without comparisons."""
    compared = report.analysis.comparisons
    incomparable = report.analysis.incomparable_pairs
    if not compared and not incomparable:
        return None
    return {
        "forests": forests(compared),
        "incomparable": incomparable[:MAX_ROWS],
        "n_incomparable": len(incomparable),
        "is_tested": any(comparison.p_value is not None for comparison in compared),
        "has_margins": any(comparison.equivalence for comparison in compared),
    }


def _forest(objective: Objective, comparisons: Sequence[Comparison]) -> Forest:
    """Comparisons in one metric, in their own order."""
    by_priority = sorted(range(len(comparisons)), key=lambda index: _PRIORITY[comparisons[index].reason])
    shown = [comparisons[index] for index in sorted(by_priority[:MAX_ROWS])]
    reach = reach_of(shown)
    tick = _round_below(reach)
    margin = next((c.equivalence.margin for c in shown if c.equivalence), None)
    label = axis(objective.metric, [objective]).label
    return Forest(
        objective=objective,
        label=label,
        goal=better(objective.direction),
        reach=reach,
        ticks=tuple((f"{value:+g}" if value else "0", _percent(value, reach)) for value in (-tick, 0.0, tick)),
        margin=None if margin is None else (_percent(-margin, reach), _percent(margin, reach)),
        rows=tuple(
            ForestRow(
                comparison=comparison,
                conclusion=conclusion_text(comparison),
                reason=REASON_TEXT[comparison.reason],
                place=_place(comparison, reach),
            )
            for comparison in shown
        ),
        n_left_out=len(comparisons) - len(shown),
    )


def _place(comparison: Comparison, reach: float) -> Place:
    """Place of the interval of a comparison; a point without one."""
    estimate = comparison.difference.estimate
    lo = estimate.mean if estimate.lo is None else estimate.lo
    hi = estimate.mean if estimate.hi is None else estimate.hi
    return Place(
        mean=_percent(estimate.mean, reach),
        lo=_percent(max(lo, -reach), reach),
        hi=_percent(min(hi, reach), reach),
        is_cut=(lo < -reach, hi > reach),
    )


def _percent(difference: float, reach: float) -> float:
    """Place of a difference in percent of the width."""
    return round(50 + 50 * difference / reach, 2)


def _round_below(reach: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is at most three quarters of the reach."""
    power = 10.0 ** math.floor(math.log10(0.75 * reach))
    return next(float(f"{step * power:.12g}") for step in (5.0, 2.0, 1.0) if step * power <= 0.75 * reach)


COMPARISONS = Section(
    id="comparisons",
    title="Comparisons",
    template="comparisons.html.j2",
    context=_context,
    styles=("comparisons.css",),
)
