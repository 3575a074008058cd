"""`modstudy track`: delivers a study to MLflow."""

from study.commands.options import Name, Root, console, report_errors
from study.execution.run_options import TrackingUri


@report_errors
def track(name: Name, root: Root = "runs", tracking_uri: TrackingUri = None) -> None:
    """Deliver the results of a study to MLflow, as far as MLflow lacks them."""
    from study.execution.session import Session
    from study.tracking.direct import deliver_once
    from study.tracking.reasons import without_passwords

    session = Session(root=root, name=name, console=console)
    plan = session.plan()
    uri, artifacts = session.tracker_address(tracking_uri)
    status = "FINISHED" if session.is_complete(plan) else "KILLED"
    with console.status(f"delivering {name}"):
        delivered = deliver_once(session.store, uri, artifacts, status)
    console.print(
        f"{name}: {delivered.n_trials} of {len(plan.trials)} trials of {delivered.n_arms} arms are in MLflow at "
        f"{without_passwords(uri)}, {delivered.n_new} of them new",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
