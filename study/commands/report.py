"""`modstudy report`: writes the report of a study again."""

from typing import Annotated

from typer import Option

from study.commands.options import Name, Root, console, report_errors
from study.execution.run_options import RunOptions, TrackingUri

Within = Annotated[
    float | None,
    Option(
        min=0,
        max=100,
        metavar="PERCENT",
        help="How much less accurate than the best arm the recommended one may be; 5 by default.",
    ),
]


@report_errors
def report(name: Name, root: Root = "runs", within: Within = None, tracking_uri: TrackingUri = None) -> int:
    """Write the report of a study again, and deliver it to MLflow."""
    from study.execution.session import Session

    return Session(root=root, name=name, console=console).report(
        RunOptions(tracking_uri=tracking_uri), within_percent=within
    )
