"""`modstudy resume`: runs the open trials of a study."""

from study.commands.options import (
    AtOnce,
    CodeChange,
    Cpus,
    Gpus,
    MaxHours,
    MaxTrials,
    Name,
    Root,
    TrackingUri,
    TrialTimeout,
    console,
    report_errors,
)


@report_errors
def resume(
    name: Name,
    root: Root = "runs",
    trials_at_once: AtOnce = None,
    cpus_per_trial: Cpus = None,
    gpus_per_trial: Gpus = None,
    trial_timeout: TrialTimeout = None,
    max_hours: MaxHours = None,
    max_trials: MaxTrials = None,
    tracking_uri: TrackingUri = None,
    allow_code_change: CodeChange = False,
) -> int:
    """Run the open trials of a study, and write the report."""
    from study.execution.session import RunOptions, Session
    from study.execution.trial_queue import Budget

    session = Session(root=root, name=name, console=console)
    options = RunOptions(
        trials_at_once=trials_at_once,
        cpus_per_trial=cpus_per_trial,
        gpus_per_trial=gpus_per_trial,
        tracking_uri=tracking_uri,
        allow_code_change=allow_code_change,
        trial_timeout_s=trial_timeout,
        budget=Budget(max_seconds=None if max_hours is None else 3600 * max_hours, max_trials=max_trials),
    )
    return session.run(session.plan, options)
