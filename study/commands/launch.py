"""`modstudy launch`: plans a study, runs its open trials and writes the report."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from study.commands.options import (
    OK,
    Assignments,
    PresetName,
    Root,
    Trials,
    UntilDecided,
    console,
    report_errors,
    with_option_groups,
)
from study.execution.run_options import RunOptions

if TYPE_CHECKING:
    from core.storage.records import StudyPlan
    from study.execution.session import Session
    from study.planning.plan import NewPlan


@report_errors
@with_option_groups
def launch(
    study: Annotated[str, typer.Argument(help="Name of a built-in study, or path of a study file (TOML).")],
    assignments: Assignments = None,
    name: Annotated[
        str | None, typer.Option(help="Name under which the study is stored; by default that of the study file.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Number of seeds of each arm; by default that of the study file.")
    ] = None,
    root: Root = "runs",
    preset: PresetName = None,
    until_decided: UntilDecided = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show stages, trials, time, disk space and power, without running anything."),
    ] = False,
    trials: Trials = False,
    *,
    options: RunOptions,
) -> int:
    """Plan a study, run its open trials, and write the report.

    If the study exists, it is resumed, with any arms and seeds added by the study file or --seeds.
    """
    from core.settings.loading import parse_assignment
    from core.storage.roots import checked_root
    from search_spaces.study_parsing import load_study, parse_study
    from study.clips_text import show_clips
    from study.execution.compute import resources_here
    from study.execution.session import Session
    from study.outlook_text import show_outlook
    from study.planning.plan import make_plan
    from study.planning.resources import overrides_of

    checked_root(root, writes=not dry_run)
    overrides = [parse_assignment(text) for text in assignments or []]
    study_file = load_study(study, preset)
    if until_decided:
        study_file = study_file.as_race()
    planned = make_plan(study_file, name=name, overrides=overrides, n_seeds=seeds)
    show_remarks(planned)
    session = Session(root=root, name=planned.plan.name, console=console)
    plan = session.merged_plan(planned.plan)
    show_issues(plan)
    options = replace(options, arm_resources=overrides_of(planned.plan))
    if dry_run:
        stored = planned.study if plan is planned.plan else parse_study(plan.study_file)
        resources = session.check_resources(plan, options)
        show_clips(planned, resources, console)
        show_outlook(stored, plan, resources, console)
        _show_stored(session, plan)
        if trials:
            show_trials(plan)
        console.print("This was a dry run: nothing was written and nothing runs.")
        return OK
    # Elsewhere, or for what has been run before, no time is measured.
    is_timed = options.address is None and not session.store.has_study
    show_clips(planned, resources_here(plan, options) if is_timed else None, console)
    return session.run(lambda: session.merged_plan(planned.plan), options)


def show_remarks(planned: "NewPlan") -> None:
    """Print the remarks on a plan."""
    for remark in planned.remarks:
        console.print(f"[yellow]note:[/] {escape(remark)}", highlight=False)


def show_issues(plan: "StudyPlan") -> None:
    """Print notes on the data, and sounds that are skipped or used with a remark."""
    for note in plan.data_notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False, soft_wrap=True)
    if plan.data_issues:
        n_skipped = sum(issue.skipped for issue in plan.data_issues)
        console.print(
            f"[yellow]note:[/] {n_skipped} sounds are skipped, {len(plan.data_issues) - n_skipped} have a remark:"
        )
    for issue in plan.data_issues:
        verb = "skipped" if issue.skipped else "used"
        console.print(f"  {issue.source}: {issue.problem} ({verb})", markup=False, highlight=False, soft_wrap=True)


def show_trials(plan: "StudyPlan") -> None:
    """Print a table of the planned trials."""
    table = Table("arm", "seed", "digest", "factors", title=f"{plan.name}: {len(plan.trials)} trials")
    factors = plan.factors()
    for trial in plan.trials:
        text = ", ".join(f"{path}={value}" for path, value in factors[trial.arm].items())
        table.add_row(escape(trial.arm), str(trial.seed), trial.digest, escape(text))
    console.print(table)


def _show_stored(session: "Session", plan: "StudyPlan") -> None:
    """Print how many trials of a stored study have results."""
    if session.store.has_study:
        n_ended = sum(trial.digest in session.store.outcomes() for trial in plan.trials)
        n_new = len(plan.trials) - len(session.plan().trials)
        console.print(
            f"The study exists: {n_ended} of its {len(plan.trials) - n_new} trials have ended, and this adds {n_new}.",
            highlight=False,
        )
