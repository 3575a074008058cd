"""`modstudy resume`: runs the open trials of a study."""

from study.commands.options import Name, Root, console, report_errors, with_option_groups
from study.execution.run_options import RunOptions


@report_errors
@with_option_groups
def resume(name: Name, root: Root = "runs", *, options: RunOptions) -> int:
    """Run the open trials of a study, and write the report."""
    from study.execution.session import Session

    session = Session(root=root, name=name, console=console)
    return session.run(session.plan, options)
