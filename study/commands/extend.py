"""`modstudy extend`: adds seeds to a study."""

from typing import Annotated

import typer

from study.commands.options import AtOnce, CodeChange, Cpus, Gpus, Name, Root, TrackingUri, console, report_errors


@report_errors
def extend(
    name: Name,
    seeds: Annotated[int, typer.Option(help="Total number of seeds of each arm.")],
    root: Root = "runs",
    trials_at_once: AtOnce = None,
    cpus_per_trial: Cpus = None,
    gpus_per_trial: Gpus = None,
    tracking_uri: TrackingUri = None,
    allow_code_change: CodeChange = False,
) -> int:
    """Add seeds to a study, run the missing trials, and write the report."""
    from study.execution.session import RunOptions, Session

    session = Session(root=root, name=name, console=console)
    options = RunOptions(
        trials_at_once=trials_at_once,
        cpus_per_trial=cpus_per_trial,
        gpus_per_trial=gpus_per_trial,
        tracking_uri=tracking_uri,
        allow_code_change=allow_code_change,
    )
    return session.run(lambda: session.extended_plan(seeds), options)
