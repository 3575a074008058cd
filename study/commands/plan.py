"""`modstudy plan`: shows what a study would run and cost, or how a changed study file differs from a stored study."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from study.clips_text import show_clips
from study.commands.launch import show_issues, show_remarks, show_trials
from study.commands.options import OK, Assignments, PresetName, Root, UntilDecided, console, report_errors
from study.execution.run_options import RunOptions
from study.outlook_text import show_outlook

if TYPE_CHECKING:
    from core.storage.records import StudyPlan
    from study.execution.session import Session
    from study.planning.comparison import PlanComparison
    from study.planning.plan import NewPlan


@report_errors
def plan(
    study: Annotated[str, typer.Argument(help="Name of a built-in study, or path of a study file (TOML).")],
    diff: Annotated[
        str | None, typer.Option(metavar="NAME", help="Compare with this stored study, as Markdown for a review.")
    ] = None,
    assignments: Assignments = None,
    seeds: Annotated[
        int | None, typer.Option(help="Number of seeds of each arm; by default that of the study file.")
    ] = None,
    preset: PresetName = None,
    until_decided: UntilDecided = False,
    root: Root = "runs",
    trials: Annotated[bool, typer.Option("--trials", help="Also list all planned trials.")] = False,
) -> int:
    """Print what a study would run and cost, or what its file would add to a stored study, drop from it or change."""
    from core.settings.loading import parse_assignment
    from search_spaces.study_parsing import load_study
    from study.execution.session import Session
    from study.planning.comparison import compare_plans
    from study.planning.plan import make_plan

    overrides = [parse_assignment(text) for text in assignments or []]
    study_file = load_study(study, preset)
    if until_decided:
        study_file = study_file.as_race()
    planned = make_plan(study_file, name=diff, overrides=overrides, n_seeds=seeds)
    new = planned.plan
    if diff is None:
        _show(planned, Session(root=root, name=planned.plan.name, console=console), with_trials=trials)
        return OK
    session = Session(root=root, name=diff, console=console)
    stored = session.plan()
    comparison = compare_plans(stored, new)
    n_new = 0 if comparison.conflicts else len(session.merged_plan(new).trials) - len(stored.trials)
    print_markdown(comparison_markdown(stored, comparison, n_new))
    return OK


def _show(planned: "NewPlan", session: "Session", *, with_trials: bool) -> None:
    """Print remarks and outlook of a plan with the resources of this machine, and its trials on request."""
    show_remarks(planned)
    show_issues(planned.plan)
    options = RunOptions(arm_resources=planned.study.resources)
    resources = session.check_resources(planned.plan, options)
    show_clips(planned, resources, console)
    show_outlook(planned.study, planned.plan, resources, console)
    if with_trials:
        show_trials(planned.plan)


def print_markdown(lines: list[str]) -> None:
    """Print Markdown as it is, without styles and line breaks of a terminal."""
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def comparison_markdown(stored: "StudyPlan", comparison: "PlanComparison", n_new_trials: int) -> list[str]:
    """Lines of Markdown on what a new plan adds, drops and changes.

    Args:
        stored: The stored plan.
        comparison: Its comparison with the new plan.
        n_new_trials: Number of trials that the new plan adds.
    """
    from study.planning.comparison import RACE_IS_FIXED

    lines = [f"## Changes to the study `{stored.name}`", ""]
    conflicts = comparison.conflicts
    grows = comparison.added_arms or comparison.added_seeds or comparison.raised_budgets
    if not conflicts and not grows:
        return [*lines, "None: the stored study has all arms and seeds of this plan."]
    if comparison.added_arms:
        lines += ["**Adds arms**", "", "| arm | settings |", "|---|---|"]
        for arm in comparison.added_arms:
            settings = ", ".join(f"`{path}` = {value}" for path, value in arm.settings.items())
            lines.append(f"| {_cell(arm.name)} | {_cell(settings)} |")
        lines.append("")
    if comparison.added_seeds:
        lines += [f"**Adds the seeds** {', '.join(map(str, comparison.added_seeds))}", ""]
    for change in comparison.raised_budgets:
        lines += [f"**Raises** `{change.path}` from {change.before} to {change.after}", ""]
    if comparison.dropped_arms:
        lines += [f"**Drops the arms** {', '.join(comparison.dropped_arms)}", ""]
    if comparison.changes:
        lines += ["**Changes**", "", "| setting | stored | new | arms |", "|---|---|---|---|"]
        for change in comparison.changes:
            cells = (f"`{change.path}`", _value(change.before), _value(change.after), ", ".join(change.arms) or "all")
            lines.append(f"| {' | '.join(map(_cell, cells))} |")
        lines.append("")
    if conflicts and comparison.is_started_race:
        lines.append(f"No change is possible, as {RACE_IS_FIXED}: launch this plan under another name (`--name`).")
    elif conflicts:
        lines.append("A stored study does not drop or change arms: launch this plan under another name (`--name`).")
    else:
        lines.append(
            f"`modstudy launch` would train {n_new_trials} new trials beside {len(stored.trials)} planned ones."
        )
    return lines


def _value(value: Any) -> str:
    """A value as text; "unset" for None."""
    return "unset" if value is None else str(value)


def _cell(text: str) -> str:
    """Text that can be a cell of a table."""
    return text.replace("|", "\\|")
