"""`modstudy launch`: plans a study, runs its open trials and writes the report."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from study.commands.options import OK, Assignments, Root, UntilDecided, console, report_errors, with_run_options
from study.execution.run_options import RunOptions

if TYPE_CHECKING:
    from core.storage.records import StudyPlan


@report_errors
@with_run_options
def launch(
    study: Annotated[str, typer.Argument(help="Name of a built-in study, or path of a study file (TOML).")],
    options: RunOptions,
    assignments: Assignments = None,
    name: Annotated[
        str | None, typer.Option(help="Name under which the study is stored; by default that of the study file.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Number of seeds of each arm; by default that of the study file.")
    ] = None,
    root: Root = "runs",
    until_decided: UntilDecided = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan without writing or running anything.")
    ] = False,
) -> int:
    """Plan a study, run its open trials, and write the report.

    If the study exists, it is resumed, with any arms and seeds added by the study file or --seeds.
    """
    from core.settings.loading import parse_assignment
    from search_spaces.study_parsing import load_study
    from study.execution.session import Session
    from study.planning.plan import make_plan
    from study.planning.resources import overrides_of

    overrides = [parse_assignment(text) for text in assignments or []]
    study_file = load_study(study)
    if until_decided:
        study_file = study_file.as_race()
    planned = make_plan(study_file, name=name, overrides=overrides, n_seeds=seeds)
    for remark in planned.remarks:
        console.print(f"[yellow]note:[/] {escape(remark)}", highlight=False)
    session = Session(root=root, name=planned.plan.name, console=console)
    plan = session.merged_plan(planned.plan)
    _show_issues(plan)
    options = replace(options, arm_resources=overrides_of(planned.plan))
    if dry_run:
        session.check_resources(plan, options)
        _show_plan(plan)
        return OK
    return session.run(lambda: session.merged_plan(planned.plan), options)


def _show_issues(plan: "StudyPlan") -> None:
    """Print sounds that are skipped or used with a remark."""
    if plan.data_issues:
        n_skipped = sum(issue.skipped for issue in plan.data_issues)
        console.print(
            f"[yellow]note:[/] {n_skipped} sounds are skipped, {len(plan.data_issues) - n_skipped} have a remark:"
        )
    for issue in plan.data_issues:
        verb = "skipped" if issue.skipped else "used"
        console.print(f"  {issue.source}: {issue.problem} ({verb})", markup=False, highlight=False, soft_wrap=True)


def _show_plan(plan: "StudyPlan") -> None:
    """Print a table of the planned trials."""
    table = Table("arm", "seed", "digest", "factors", title=f"{plan.name}: {len(plan.trials)} trials")
    factors = plan.factors()
    for trial in plan.trials:
        text = ", ".join(f"{path}={value}" for path, value in factors[trial.arm].items())
        table.add_row(escape(trial.arm), str(trial.seed), trial.digest, escape(text))
    console.print(table)
    if plan.study_file.get("search"):
        _show_search(plan)
    if race := plan.study_file.get("race"):
        n_arms = sum(not arm.is_baseline for arm in plan.arms)
        console.print(
            f"A race then gives seeds to undecided arms, up to {race['max_seeds']} each: at most "
            f"{n_arms * (race['max_seeds'] - race['min_seeds'])} further trials."
        )
    console.print("This was a dry run: nothing was written and nothing runs.")


def _show_search(plan: "StudyPlan") -> None:
    """Print what the search of a plan and its confirmation will run."""
    from search_spaces.study_parsing import parse_study

    study = parse_study(plan.study_file)
    for search in study.searches():
        n_cells = len(search.cells)
        cells = f" in each of {n_cells} cells" if n_cells > 1 else ""
        rounds = f"in rounds of {search.round_size}" if search.waits else "whenever a trial can run"
        console.print(
            f"The search proposes {search.cells[0].n_arms} arms{cells}, {rounds}, each with "
            f"{len(search.seeds)} seeds: at most {search.n_arms * len(search.seeds)} trials.",
            highlight=False,
        )
    for confirm in study.confirmations():
        console.print(
            f"At most {confirm.max_arms} of them are then confirmed with {len(study.seeds)} other seeds: "
            f"at most {confirm.max_arms * len(study.seeds)} trials.",
            highlight=False,
        )
