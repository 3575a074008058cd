"""`modstudy stop`: ends the driver of a study from another terminal or machine."""

import time
from typing import Annotated

import typer
from rich.markup import escape

from study.commands.options import OK, TRIALS_FAILED, Name, Root, console, report_errors

MAX_WAIT_S = 60.0
"""Maximum time to wait for a driver that was told to stop at once."""


@report_errors
def stop(
    name: Name,
    root: Root = "runs",
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait for running trials; `resume` continues from their checkpoints.")
    ] = False,
) -> int:
    """Stop a running study: no new trial starts, running ones end, and its driver writes the report."""
    from study.execution.lease import latest_lease, request_stop
    from study.execution.session import Session

    session = Session(root=root, name=name, console=console)
    session.plan()
    state = request_stop(session.store, "now" if now else "finish")
    if state is None:
        console.print(f"{escape(name)} is not running.")
        return OK
    where = f"{state.holder.host} (process {state.holder.pid})"
    if not now:
        console.print(f"{escape(name)} on {where} stops when its running trials have ended; --now stops it at once.")
        return OK
    deadline = time.monotonic() + MAX_WAIT_S
    while (latest := latest_lease(session.store)) and latest.epoch == state.epoch and not latest.is_released:
        if time.monotonic() > deadline:
            console.print(f"{escape(name)} on {where} has not stopped after {MAX_WAIT_S:g} s; end its process there.")
            return TRIALS_FAILED
        time.sleep(0.2)
    console.print(f"{escape(name)} has stopped. Go on with: {escape(session.resume_command)}")
    return OK
