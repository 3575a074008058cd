"""`modstudy resume`: runs the open trials of a study."""

from study.commands.options import AtOnce, CodeChange, Cpus, Gpus, Name, Root, TrackingUri, console, report_errors


@report_errors
def resume(
    name: Name,
    root: Root = "runs",
    trials_at_once: AtOnce = None,
    cpus_per_trial: Cpus = None,
    gpus_per_trial: Gpus = None,
    tracking_uri: TrackingUri = None,
    allow_code_change: CodeChange = False,
) -> int:
    """Run the open trials of a study, and write the report."""
    from study.execution.session import RunOptions, Session

    session = Session(root=root, name=name, console=console)
    options = RunOptions(
        trials_at_once=trials_at_once,
        cpus_per_trial=cpus_per_trial,
        gpus_per_trial=gpus_per_trial,
        tracking_uri=tracking_uri,
        allow_code_change=allow_code_change,
    )
    return session.run(session.plan, options)
