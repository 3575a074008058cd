"""`modstudy extend`: adds seeds and arms to a study."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study.commands.options import Name, Root, console, report_errors, with_option_groups
from study.execution.run_options import RunOptions

if TYPE_CHECKING:
    from core.storage.records import StudyPlan


@report_errors
@with_option_groups
def extend(
    name: Name,
    seeds: Annotated[int | None, typer.Option(help="Total number of seeds of each arm.")] = None,
    arms: Annotated[Path | None, typer.Option(help="TOML file with [[arms]] to add to the study.")] = None,
    root: Root = "runs",
    *,
    options: RunOptions,
) -> int:
    """Add seeds or arms to a study, run the missing trials, and write the report."""
    from core.errors import StudyError
    from search_spaces.study_parsing import read_arms
    from study.execution.session import Session
    from study.planning.extension import with_arms, with_seeds

    session = Session(root=root, name=name, console=console)
    if seeds is None and arms is None:
        raise StudyError("extend adds something: give --seeds N, --arms FILE or both")
    more_arms = read_arms(arms) if arms else []

    def extended() -> "StudyPlan":
        plan = with_arms(session.plan(), more_arms) if more_arms else session.plan()
        return plan if seeds is None else with_seeds(plan, seeds)

    return session.run(extended, options)
