"""A study's arms for the terminal."""

from rich.table import Table
from rich.text import Text

from dashboards.analysis.findings import findings
from dashboards.analysis.study_results import ArmResult, Standing, StudyResults, front_statistics
from dashboards.wording import axis, better, interval, number

STANDARD_METRICS = ("audio.mss", "interpretability.tv", "curves.l1", "curves.pcc.lls3")
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
    wanted = dict.fromkeys([*objectives, *STANDARD_METRICS])
    return tuple(name for name in wanted if name in results.metrics or name in objectives)


def arm_table(results: StudyResults) -> Table:
    """One row per arm: standing, seeds finished of planned, and test metrics with their 95 % intervals."""
    metrics = table_metrics(results)
    table = Table(title=Text(f"{results.plan.name}: {results.split} metrics"), title_justify="left")
    table.add_column("arm", no_wrap=True)
    table.add_column("standing")
    table.add_column("seeds", justify="right")
    for name in metrics:
        arrow = {"minimize": " ↓", "maximize": " ↑", "describe": ""}[axis(name, results.objectives).direction]
        table.add_column(Text(name + arrow), justify="right")
    for arm in results.arms:
        style = "bold" if arm.on_front else "dim" if arm.standing in ("baseline", "static") else ""
        table.add_row(
            Text(arm.name),
            MARKS[arm.standing],
            seeds_cell(arm),
            *(interval(arm.metrics.get(name)) for name in metrics),
            style=style,
        )
    return table


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
