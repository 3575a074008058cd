"""`modstudy status`: shows the states of the trials of a study, or an overview of all studies."""

import re
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from study.commands.options import Root, console, report_errors

if TYPE_CHECKING:
    from core.storage.records import PlannedTrial, StudyPlan
    from core.storage.store import Store

STATES = ("finished", "diverged", "failed", "open")
"""Possible states of a trial: its outcome, or `open` if it has no record."""
_CHECKPOINT = re.compile(r"checkpoint-(\d+)\.pt")
"""File name of a checkpoint, with its step."""


@report_errors
def status(
    name: Annotated[
        str | None, typer.Argument(help="Name of a study; all studies are listed if it is omitted.")
    ] = None,
    root: Root = "runs",
) -> None:
    """Show the state of each trial of a study, or list all studies."""
    from study.execution.session import Session, study_names

    if name is None:
        sessions = [Session(root=root, name=each, console=console) for each in study_names(root)]
        console.print(studies_view({session.name: session.store for session in sessions}, root))
        return
    session = Session(root=root, name=name, console=console)
    plan = session.plan()
    resume_command = None if session.is_complete(plan) else session.resume_command
    console.print(status_view(plan, session.store, resume_command))


def studies_view(stores: "dict[str, Store]", root: str) -> RenderableType:
    """A table with a row per study: its question, and the number of trials in each state."""
    if not stores:
        return Text(f"There is no study under {root} yet: modstudy launch STUDY")
    table = Table("study", "question", "trials", *STATES)
    for name, store in stores.items():
        plan = store.plan()
        counts = _count_by_state(plan, store)
        table.add_row(Text(name), Text(plan.question), str(len(plan.trials)), *(str(counts[state]) for state in STATES))
    return table


def status_view(plan: "StudyPlan", store: "Store", resume_command: str | None) -> RenderableType:
    """A table of the trials and their states, the number of trials per state, and the command to resume the study.

    Args:
        plan: Plan of the study.
        store: Store of the study.
        resume_command: Command that resumes the study; None if the study is complete.
    """
    table = Table("arm", "seed", "digest", "state", "audio.mss", title=Text(f"{plan.name}: {plan.question}"))
    for trial in plan.trials:
        record = store.record(trial.digest)
        state, value = (record.outcome, record.metrics.get("test", {}).get("audio.mss")) if record else ("open", None)
        detail = (
            _checkpoint_line(store, plan, trial) if record is None else (record.error or "").strip().splitlines()[:1]
        )
        table.add_row(
            Text(trial.arm),
            str(trial.seed),
            trial.digest,
            Text(": ".join([state, *detail])),
            "" if value is None else f"{value:.4g}",
        )
    counts = _count_by_state(plan, store)
    line = f"{len(plan.trials)} planned: " + ", ".join(f"{number} {state}" for state, number in counts.items())
    rest = [Text(f"Run what is open: {resume_command}")] if resume_command else []
    return Group(table, Text(line), *rest)


def _count_by_state(plan: "StudyPlan", store: "Store") -> dict[str, int]:
    """Number of trials by state."""
    counts = dict.fromkeys(STATES, 0)
    for trial in plan.trials:
        record = store.record(trial.digest)
        counts[record.outcome if record else "open"] += 1
    return counts


def _checkpoint_line(store: "Store", plan: "StudyPlan", trial: "PlannedTrial") -> list[str]:
    """A line on the checkpoint from which an open trial would resume; empty if there is none."""
    steps = [
        int(match[1])
        for attempt in store.attempts(trial.digest)
        for name in attempt.names()
        if (match := _CHECKPOINT.fullmatch(name))
    ]
    max_steps = plan.arm(trial.arm).config["trainer"]["max_steps"]
    return [f"checkpoint at step {max(steps)} of {max_steps}"] if steps else []
