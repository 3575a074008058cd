"""`modstudy report`: writes the report of a study again."""

from study.commands.options import Name, Root, console, report_errors
from study.execution.run_options import RunOptions, TrackingUri


@report_errors
def report(name: Name, root: Root = "runs", tracking_uri: TrackingUri = None) -> int:
    """Write the report of a study again, and deliver it to MLflow."""
    from study.execution.session import Session

    return Session(root=root, name=name, console=console).report(RunOptions(tracking_uri=tracking_uri))
