"""`modstudy extend`: adds seeds to a study."""

from typing import Annotated

import typer

from study.commands.options import Name, Root, console, report_errors, with_run_options
from study.execution.run_options import RunOptions


@report_errors
@with_run_options
def extend(
    name: Name,
    seeds: Annotated[int, typer.Option(help="Total number of seeds of each arm.")],
    options: RunOptions,
    root: Root = "runs",
) -> int:
    """Add seeds to a study, run the missing trials, and write the report."""
    from study.execution.session import Session

    session = Session(root=root, name=name, console=console)
    return session.run(lambda: session.extended_plan(seeds), options)
