"""The section "Race": which arms are decided to be on the front or dominated, with how many seeds."""

from collections.abc import Mapping
from typing import Any, assert_never

from core.statistics.race import ArmVerdict, Order
from dashboards.analysis.race_results import RaceResults
from dashboards.formatting import join_names, number, plural
from dashboards.report.section import ReportData, Section


def _context(report: ReportData) -> Mapping[str, Any] | None:
    """Variables of the section's template; None if the study is no race."""
    race = report.results.race
    if race is None:
        return None
    full = race.n_trials_of_full_design
    return {
        "race": race,
        "verdicts": [(name, verdict, _why(verdict, race)) for name, verdict in race.verdict.arms.items()],
        "orders": [(order, _order_text(order)) for order in race.verdict.orders],
        "static": [arm.name for arm in report.results.with_status("static")],
        "saved": full - race.n_trials,
        "saved_percent": 100 * (full - race.n_trials) / full,
    }


def _why(verdict: ArmVerdict, race: RaceResults) -> str:
    """Why an arm has its verdict."""
    match verdict.status:
        case "front":
            return "better than every arm that is not dominated, in at least one objective each"
        case "dominated":
            return f"{join_names(verdict.dominated_by)} {_is_or_are(verdict.dominated_by)} better in every objective"
        case "undecided":
            return _why_undecided(verdict, race)
        case _:
            assert_never(verdict.status)


def _why_undecided(verdict: ArmVerdict, race: RaceResults) -> str:
    """Why an arm is undecided."""
    most = plural(race.rules.peeks[-1], "seed")
    match verdict.reason:
        case "racing":
            return f"more seeds are due, up to {most}"
        case "given up":
            return f"the seeds left up to {most} would decide with a probability below {race.rules.give_up_below:g}"
        case "last peek":
            return f"{most} do not decide"
        case "no values":
            return "an objective has no value with any seed"
        case None:
            return ""
        case _:
            assert_never(verdict.reason)


def _is_or_are(names: tuple[str, ...]) -> str:
    """The verb for one or several arms."""
    return "is" if len(names) == 1 else "are"


def _order_text(order: Order) -> str:
    """The better arm of an order with its p value."""
    return f"{order.better or 'undecided'} (p {number(order.p_value)})"


RACE = Section(id="race", title="Race", template="race.html.j2", context=_context)
