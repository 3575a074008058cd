"""The arms of a study as a terminal table, with parts shared with the tables of the report page."""

from rich import box
from rich.table import Table
from rich.text import Text

from core.statistics.paired import Estimate
from dashboards.analysis.arm_results import ArmResult, FrontStatus
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import StudyResults, front_statistics
from dashboards.finding_sentences import findings
from dashboards.formatting import arrow, axis, better, interval, number

WHITE_BOX_METRICS = ("audio.mss", "interpretability.tv", "curves.l1", "curves.pcc.lls3")
"""Metrics shown in addition to the objectives if the arms have the synth that made the sounds."""
GREY_BOX_METRICS = ("audio.mss", "interpretability.tv", "curves.l1.lls3", "curves.pcc.lls3")
"""Metrics shown in addition to the objectives if another synth made the sounds, with curves projected linearly."""
STATUS_TEXT: dict[FrontStatus, str] = {
    "front": "● front",
    "undecided": "○ undecided",
    "dominated": "dominated",
    "searched": "only searched",
    "not comparable": "not comparable",
    "static": "static",
    "granular": "granular",
    "baseline": "baseline",
}
"""Text of a table cell by status, in sorting order."""


def table_metrics(results: StudyResults) -> tuple[str, ...]:
    """Names of the metrics in a table: the objectives, then those standard metrics that any arm has."""
    objectives = [objective.metric for objective in results.objectives]
    standard = WHITE_BOX_METRICS if results.is_white_box else GREY_BOX_METRICS
    names = dict.fromkeys([*objectives, *standard])
    return tuple(name for name in names if name in results.metrics or name in objectives)


def arm_table(results: StudyResults) -> Table:
    """A table for 80 columns, with a row per arm: status, finished and planned seeds, and metrics.

    Objectives have half the width of their 95 % interval beside the mean.
    """
    table = Table(
        title=Text(f"{results.plan.name}: {results.split} means over seeds, ± half of the 95 % interval"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=0,
    )
    objectives = [objective.metric for objective in results.objectives]
    table.add_column(
        "arm", overflow="fold", min_width=min(14, max(map(len, [arm.name for arm in results.arms]), default=3))
    )
    table.add_column("status", no_wrap=True)
    table.add_column("seeds", justify="right", no_wrap=True)
    for name in table_metrics(results):
        first, last = name.rsplit(".", 1)
        heading = f"{first}\n.{last}{arrow(axis(name, results.objectives).direction)}"
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for arm in results.arms:
        style = "bold" if arm.on_front and not results.is_undecided(arm) else "" if arm.is_eligible else "dim"
        estimates = [(name, arm.metrics.get(name)) for name in table_metrics(results)]
        cells = [_metric_cell(estimate, with_half_width=name in objectives) for name, estimate in estimates]
        table.add_row(
            Text("\n".join([arm.name, *weaknesses(results, arm)])),
            status_cell(results, arm),
            seeds_cell(arm),
            *cells,
            style=style,
        )
    return table


def weaknesses(results: StudyResults, arm: ArmResult) -> list[str]:
    """Which modulations of an arm hardly move or have no effect, as lines such as `no effect: add`."""
    found = {"hardly moves": results.hardly_moving(arm), "no effect": results.ineffective(arm)}
    return [f"{what}: {', '.join(names)}" for what, names in found.items() if names]


def status_cell(results: StudyResults, arm: ArmResult) -> str:
    """Status of an arm by the means of its seeds; "undecided" if a race leaves open whether it is on the front."""
    return STATUS_TEXT[results.front_status(arm)]


def seeds_cell(arm: ArmResult) -> str:
    """Number of finished and of planned seeds of an arm as `finished/planned`."""
    return f"{len(arm.finished)}/{len(arm.trials)}"


def front_text(analysis: StudyAnalysis) -> Text:
    """Text with the arms on the front, their objectives, the hypervolume and the findings, but the verdict."""
    results = analysis.results
    front = front_statistics(results)
    axes = ", ".join(f"{objective.metric} ({better(objective.direction)})" for objective in results.objectives)
    _, *others = findings(analysis)
    lines = [f"Front over {axes}:"]
    lines += [
        f"  {arm.name}"
        + "".join(_metric_text(arm, o.metric) for o in results.objectives)
        + ("  (undecided in the race)" if results.is_undecided(arm) else "")
        for arm in results.front
    ]
    reference = ", ".join(
        f"{metric} {number(bound.reference)}" for metric, bound in zip(front.objectives, front.bounds, strict=True)
    )
    lines.append(
        f"  {front.size} of {len(results.arms)} arms; hypervolume {number(front.hypervolume)} from {reference}"
    )
    lines += ["", *others]
    return Text("\n".join(lines))


def _metric_cell(estimate: Estimate | None, *, with_half_width: bool) -> str:
    """The mean of a metric for a table cell, optionally with half the width of its interval."""
    if estimate is None or estimate.hi is None or not with_half_width:
        return number(estimate.mean if estimate else None)
    return f"{number(estimate.mean)} ±{estimate.hi - estimate.mean:.2g}"


def _metric_text(arm: ArmResult, metric: str) -> str:
    """Name, mean and interval of a metric of an arm."""
    return f"  {metric} {interval(arm.metrics[metric])}"
