"""The section "How sure is the front": probabilities of the arms, hypervolume, and families of arms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.statistics.attainment import AttainmentDifference
from core.statistics.pareto import Bounds
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.front_uncertainty import FamilyComparison, FrontUncertainty
from dashboards.formatting import join_names, number
from dashboards.report.section import ReportData, Section

MAX_ARMS = 30
"""Largest number of arms in the table; those that are most probably on the front come first."""
NEGLIGIBLE = 0.005
"""Arms whose probabilities are all below this are counted, not listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCertainty:
    """Probabilities of one arm."""

    arm: ArmResult
    on_front: float
    best: tuple[float, ...]
    """Probability of the best expected value, by objective."""


def _context(report: ReportData) -> Mapping[str, Any] | None:
    """Variables of the section's template; None without probabilities, as in a race, which chooses its seeds."""
    front = report.analysis.front
    if not report.analysis.front_probabilities or front is None:
        return None
    objectives = [objective.metric for objective in report.results.objectives]
    rows = certainties(report, front)
    return {
        "objectives": objectives,
        "rows": rows[:MAX_ARMS],
        "n_others": len(report.analysis.front_probabilities) - len(rows[:MAX_ARMS]),
        "share": front.share,
        "method": front.method,
        "n_seeds": front.probabilities.n_seeds if front.probabilities else 0,
        "attainment_seeds": front.attainment_seeds,
        "family_factor": front.families.factor if front.families else None,
        "family_sentences": family_sentences(front.families, front.bounds) if front.families else (),
    }


def certainties(report: ReportData, front: FrontUncertainty) -> list[ArmCertainty]:
    """The arms with a probability that is not negligible, most probable ones first."""
    if front.probabilities is None:
        return []
    found = front.probabilities
    rows = [
        ArmCertainty(
            arm=arm,
            on_front=found.on_front[arm.name],
            best=tuple(found.best[objective.metric][arm.name] for objective in report.results.objectives),
        )
        for arm in report.results.arms
        if arm.name in found.on_front
    ]
    kept = [row for row in rows if max(row.on_front, *row.best) >= NEGLIGIBLE]
    return sorted(kept, key=lambda row: -row.on_front)


def family_sentences(families: FamilyComparison, bounds: Mapping[str, Bounds]) -> tuple[str, ...]:
    """For each pair of families, where one is attained in more of the seeds than the other."""
    return tuple(
        text
        for (first, second), differences in families.differences.items()
        for text in (
            _family_text(first, second, [each for each in differences if each.difference > 0], bounds),
            _family_text(second, first, [each for each in differences if each.difference < 0], bounds),
        )
        if text
    )


# ---------------------------------------------------------------------------------------------------------------------


def _family_text(
    ahead: str, behind: str, differences: Sequence[AttainmentDifference], bounds: Mapping[str, Bounds]
) -> str:
    """Where the first family is ahead; empty if it is nowhere."""
    if not differences:
        return ""
    most = max(abs(each.difference) for each in differences)
    there = [each for each in differences if abs(each.difference) == most]
    ranges = [
        _range_text(name, min(each.low[index] for each in there), max(each.high[index] for each in there), bound)
        for index, (name, bound) in enumerate(bounds.items())
    ]
    share = f"{100 * most:.0f} % of the seeds"
    return f"{ahead} is ahead of {behind} by up to {share}, most of all at {join_names(ranges)}."


def _range_text(name: str, low: float, high: float, bound: Bounds) -> str:
    """A range of an objective in words, open towards the reference."""
    if bound.reference > bound.ideal and high >= bound.reference:
        return f"{name} {number(low)} or more"
    if bound.reference < bound.ideal and low <= bound.reference:
        return f"{name} {number(high)} or less"
    return f"{name} {number(low)} to {number(high)}"


CERTAINTY = Section(
    id="certainty",
    title="How sure",
    template="certainty.html.j2",
    context=_context,
    styles=("certainty.css",),
)
