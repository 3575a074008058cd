"""`modstudy report`: rewrite the report of a study."""

from study.commands.options import Name, Root, TrackingUri, console, reported


@reported
def report(name: Name, root: Root = "runs", tracking_uri: TrackingUri = None) -> int:
    """Rewrite the report of a study, and deliver it to MLflow."""
    from study.execution.session import RunOptions, Session

    return Session(root=root, name=name, console=console).report(RunOptions(tracking_uri=tracking_uri))
