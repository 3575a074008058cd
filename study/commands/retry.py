"""`modstudy retry`: runs trials with chosen outcomes again."""

from typing import Annotated, get_args

import typer

from study.commands.options import AtOnce, CodeChange, Cpus, Gpus, Name, Root, TrackingUri, console, report_errors


@report_errors
def retry(
    name: Name,
    outcome: Annotated[
        list[str], typer.Option(help="Outcome of the trials to run again, such as failed or diverged; repeatable.")
    ],
    root: Root = "runs",
    trials_at_once: AtOnce = None,
    cpus_per_trial: Cpus = None,
    gpus_per_trial: Gpus = None,
    tracking_uri: TrackingUri = None,
    allow_code_change: CodeChange = False,
) -> int:
    """Run the trials with the given outcomes again, then what is open, and write the report.

    On the CPU the same config gives the same numbers, so a trial that diverged diverges again unless the code changed.
    """
    from core.errors import StudyError
    from core.storage.records import Outcome
    from study.execution.session import RunOptions, Session

    known = get_args(Outcome)
    if unknown := [text for text in outcome if text not in known or text == "finished"]:
        choices = ", ".join(text for text in known if text != "finished")
        raise StudyError(f"--outcome is one of {choices}; got {unknown[0]!r}")
    session = Session(root=root, name=name, console=console)
    options = RunOptions(
        trials_at_once=trials_at_once,
        cpus_per_trial=cpus_per_trial,
        gpus_per_trial=gpus_per_trial,
        tracking_uri=tracking_uri,
        allow_code_change=allow_code_change,
        retry=frozenset(text for text in known if text in outcome),
    )
    return session.run(session.plan, options)
