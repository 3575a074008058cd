"""A study's arms for the terminal."""

from rich import box
from rich.table import Table
from rich.text import Text

from dashboards.analysis.findings import findings
from dashboards.analysis.statistics import Estimate
from dashboards.analysis.study_results import ArmResult, Standing, StudyResults, front_statistics
from dashboards.wording import axis, better, interval, number

STANDARD_METRICS = ("audio.mss", "interpretability.tv", "curves.l1", "curves.pcc.lls3")
GREY_BOX_METRICS = ("audio.mss", "interpretability.tv", "curves.l1.lls3", "curves.pcc.lls3")
MARKS: dict[Standing, str] = {
    "front": "● front",
    "dominated": "dominated",
    "baseline": "baseline",
    "static": "static",
    "not comparable": "not comparable",
}


def table_metrics(results: StudyResults) -> tuple[str, ...]:
    """The objectives, then the standard metrics that any arm has."""
    objectives = [objective.metric for objective in results.objectives]
    standard = STANDARD_METRICS if results.is_white_box else GREY_BOX_METRICS
    wanted = dict.fromkeys([*objectives, *standard])
    return tuple(name for name in wanted if name in results.metrics or name in objectives)


def arm_table(results: StudyResults) -> Table:
    """One row per arm, narrow enough for 80 columns: standing, seeds finished of planned, test metrics.

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
    table.add_column("standing", no_wrap=True)
    table.add_column("seeds", justify="right", no_wrap=True)
    for name in table_metrics(results):
        arrow = {"minimize": " ↓", "maximize": " ↑", "describe": ""}[axis(name, results.objectives).direction]
        first, last = name.rsplit(".", 1)
        table.add_column(Text(f"{first}\n.{last}{arrow}"), justify="right", no_wrap=True)
    for arm in results.arms:
        style = "bold" if arm.on_front else "dim" if arm.standing in ("baseline", "static") else ""
        estimates = [(name, arm.metrics.get(name)) for name in table_metrics(results)]
        cells = [_cell(estimate, with_half=name in objectives) for name, estimate in estimates]
        table.add_row(Text(arm.name), MARKS[arm.standing], seeds_cell(arm), *cells, style=style)
    return table


def _cell(estimate: Estimate | None, *, with_half: bool) -> str:
    if estimate is None or estimate.hi is None or not with_half:
        return number(estimate.mean if estimate else None)
    return f"{number(estimate.mean)} ±{estimate.hi - estimate.mean:.2g}"


def seeds_cell(arm: ArmResult) -> str:
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


def _objective(arm: ArmResult, metric: str) -> str:
    return f"  {metric} {interval(arm.metrics[metric])}"
