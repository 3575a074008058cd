"""`modstudy resume`: runs the open trials of a study."""

from dataclasses import replace
from typing import Annotated

import typer

from study.commands.options import Name, Root, console, report_errors, with_run_options
from study.execution.run_options import RunOptions


@report_errors
@with_run_options
def resume(
    name: Name,
    options: RunOptions,
    root: Root = "runs",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed trials again.")] = False,
) -> int:
    """Run the open trials of a study, and write the report."""
    from study.execution.session import Session

    session = Session(root=root, name=name, console=console)
    return session.run(session.plan(), replace(options, retry_failed=retry_failed))
