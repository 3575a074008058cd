"""A study's arms as a table for the terminal, and what the page's tables share with it."""

from rich import box
from rich.table import Table
from rich.text import Text

from dashboards.analysis.arm_results import ArmResult, ArmStatus
from dashboards.analysis.statistics import Estimate
from dashboards.analysis.study_results import StudyResults, front_statistics
from dashboards.findings import findings
from dashboards.formatting import arrow, axis, better, interval, number

WHITE_BOX_METRICS = ("audio.mss", "interpretability.tv", "curves.l1", "curves.pcc.lls3")
GREY_BOX_METRICS = ("audio.mss", "interpretability.tv", "curves.l1.lls3", "curves.pcc.lls3")
STATUS_TEXT: dict[ArmStatus, str] = {
    "front": "● front",
    "dominated": "dominated",
    "not comparable": "not comparable",
    "static": "static",
    "baseline": "baseline",
}
"""Table cells by status, in the order in which a table sorts them."""


def table_metrics(results: StudyResults) -> tuple[str, ...]:
    """The objectives, then the standard metrics that any arm has."""
    objectives = [objective.metric for objective in results.objectives]
    standard = WHITE_BOX_METRICS if results.is_white_box else GREY_BOX_METRICS
    names = dict.fromkeys([*objectives, *standard])
    return tuple(name for name in names if name in results.metrics or name in objectives)


def arm_table(results: StudyResults) -> Table:
    """One row per arm, narrow enough for 80 columns: status, seeds finished of those planned, metrics.

    Objectives have the half width of their 95 % interval.
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
        style = "bold" if arm.on_front else "" if arm.is_eligible else "dim"
        estimates = [(name, arm.metrics.get(name)) for name in table_metrics(results)]
        cells = [_cell(estimate, with_half_width=name in objectives) for name, estimate in estimates]
        table.add_row(Text(arm.name), STATUS_TEXT[arm.status], seeds_cell(arm), *cells, style=style)
    return table


def seeds_cell(arm: ArmResult) -> str:
    """`finished/planned`."""
    return f"{len(arm.finished)}/{len(arm.trials)}"


def front_text(results: StudyResults) -> Text:
    """The front and the findings as plain text."""
    front = front_statistics(results)
    axes = ", ".join(f"{objective.metric} ({better(objective.direction)})" for objective in results.objectives)
    lines = [f"Front over {axes}:"]
    lines += [f"  {arm.name}" + "".join(_objective(arm, o.metric) for o in results.objectives) for arm in results.front]
    reference = ", ".join(
        f"{metric} {number(bound.reference)}" for metric, bound in zip(front.objectives, front.bounds, strict=True)
    )
    lines.append(
        f"  {front.size} of {len(results.arms)} arms; hypervolume {number(front.hypervolume)} from {reference}"
    )
    lines += ["", *findings(results)]
    return Text("\n".join(lines))


def _cell(estimate: Estimate | None, *, with_half_width: bool) -> str:
    if estimate is None or estimate.hi is None or not with_half_width:
        return number(estimate.mean if estimate else None)
    return f"{number(estimate.mean)} ±{estimate.hi - estimate.mean:.2g}"


def _objective(arm: ArmResult, metric: str) -> str:
    return f"  {metric} {interval(arm.metrics[metric])}"
