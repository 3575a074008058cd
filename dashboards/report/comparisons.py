"""The section "Comparisons": differences of arms paired by seed, each with its interval drawn, by metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.storage.records import Objective
from dashboards.analysis.arm_pairs import Reason
from dashboards.analysis.comparisons import Comparison, Conclusion
from dashboards.formatting import axis, better
from dashboards.report.forest import ForestAxis, Place
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
MAX_INCOMPARABLE = 6
"""Largest number of pairs that are named because they cannot be compared."""
_PRIORITY: dict[Reason, int] = {"declared": 0, "front": 1, "baseline": 2}


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
    axis: ForestAxis
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
        "claims": report.analysis.claims,
        "forests": forests(compared),
        "incomparable": incomparable[:MAX_INCOMPARABLE],
        "n_incomparable": len(incomparable),
        "is_tested": any(comparison.p_value is not None for comparison in compared),
        "has_margins": any(comparison.equivalence for comparison in compared),
    }


def _forest(objective: Objective, comparisons: Sequence[Comparison]) -> Forest:
    """Comparisons in one metric, in their own order."""
    by_priority = sorted(range(len(comparisons)), key=lambda index: _PRIORITY[comparisons[index].reason])
    shown = [comparisons[index] for index in sorted(by_priority[:MAX_ROWS])]
    margin = next((c.equivalence.margin for c in shown if c.equivalence), None)
    drawn = ForestAxis.of((c.difference.estimate for c in shown), () if margin is None else (margin,))
    label = axis(objective.metric, [objective]).label
    return Forest(
        objective=objective,
        label=label,
        goal=better(objective.direction),
        axis=drawn,
        margin=None if margin is None else (drawn.percent(-margin), drawn.percent(margin)),
        rows=tuple(
            ForestRow(
                comparison=comparison,
                conclusion=conclusion_text(comparison),
                reason=REASON_TEXT[comparison.reason],
                place=drawn.place(comparison.difference.estimate),
            )
            for comparison in shown
        ),
        n_left_out=len(comparisons) - len(shown),
    )


COMPARISONS = Section(
    id="comparisons",
    title="Comparisons",
    template="comparisons.html.j2",
    context=_context,
    styles=("forest.css",),
)
