"""`modstudy extend`: adds seeds and arms to a study."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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

if TYPE_CHECKING:
    from core.storage.records import StudyPlan


@report_errors
def extend(
    name: Name,
    seeds: Annotated[int | None, typer.Option(help="Total number of seeds of each arm.")] = None,
    arms: Annotated[Path | None, typer.Option(help="TOML file with [[arms]] to add to the study.")] = None,
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
    """Add seeds or arms to a study, run the missing trials, and write the report."""
    from core.errors import StudyError
    from search_spaces.study_parsing import read_arms
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
    if seeds is None and arms is None:
        raise StudyError("extend adds something: give --seeds N, --arms FILE or both")
    more_arms = read_arms(arms) if arms else []

    def extended() -> "StudyPlan":
        plan = session.plan_with_arms(more_arms) if more_arms else session.plan()
        return plan if seeds is None else session.with_seeds(plan, seeds)

    return session.run(extended, options)
