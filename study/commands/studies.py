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
    from search_spaces.study_parsing import built_in_studies, load_study
    from study.planning.estimates import cached_duration_s, measure_duration_s
    from study.progress import duration

    table = Table("study", "question", "arms", "trials", "about")
    found = {name: load_study(name) for name in built_in_studies()}
    seconds: dict[str, float | None] = {}
    for name, study in found.items():
        if estimate:
            with console.status(f"timing a few steps of each arm of {name}"):
                seconds[name] = measure_duration_s(study)
        else:
            seconds[name] = cached_duration_s(study)
    for name, study in found.items():
        n_arms = len(study.named_arms())
        n_trials = n_arms * len(study.seeds)
        for search in study.searches():
            n_arms += search.n_arms
            n_trials += search.n_arms * len(search.seeds)
        n_trials += sum(confirm.max_arms * len(study.seeds) for confirm in study.confirmations())
        about = "?" if (known := seconds[name]) is None else duration(known)
        table.add_row(*map(escape, (name, study.question, str(n_arms), str(n_trials), about)))
    console.print(table)
    if None in seconds.values():
        console.print("Times are not measured on this machine yet: modstudy studies --estimate", highlight=False)
