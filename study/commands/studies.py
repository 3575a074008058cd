"""`modstudy studies`: lists the built-in studies."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from study.commands.options import console, report_errors


@report_errors
def studies(
    estimate: Annotated[
        bool,
        typer.Option(
            "--estimate", help="Measure the duration on this machine from a few steps of each arm, and cache it."
        ),
    ] = False,
) -> None:
    """List the built-in studies with question, arms, trials and, if measured, duration on this machine."""
    from dashboards.durations import duration
    from search_spaces.study_parsing import built_in_studies, load_study
    from study.planning.outlook import StudyOutlook, study_outlook
    from study.planning.resources import Resources, TrialResources, usable_cpus

    table = Table("study", "question", "arms", "trials", "about")
    found = {name: load_study(name) for name in built_in_studies()}
    resources = Resources(trials_at_once=usable_cpus(), default=TrialResources(cpus=1))
    outlooks: dict[str, StudyOutlook | None] = {}
    for name, study in found.items():
        with console.status(f"timing a few steps of each kind of arm of {name}" if estimate else name):
            # The sounds of a study in a folder need not exist.
            outlooks[name] = study_outlook(study, resources, cached_only=not estimate, scan_data=False)
    for name, study in found.items():
        stages = study.outlooks()
        n_arms = sum(group.n_arms for stage in stages if stage.stage != "confirm" for group in stage.groups)
        n_trials = sum(stage.max_trials for stage in stages)
        about = "?" if (known := outlooks[name]) is None else duration(known.wall_s.high)
        table.add_row(*map(escape, (name, study.question, str(n_arms), str(n_trials), about)))
    console.print(table)
    if None in outlooks.values():
        console.print("Times are not measured on this machine yet: modstudy studies --estimate", highlight=False)
