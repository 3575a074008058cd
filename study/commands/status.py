"""`modstudy status`: shows how far a study is; without a name, it lists all studies as `modstudy list` does."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from core.settings.value_rules import printable
from study.commands.list import print_studies
from study.commands.options import Root, console, report_errors

if TYPE_CHECKING:
    from core.storage.records import Outcome, PlannedTrial, StudyPlan
    from core.storage.store import Store
    from study.execution.lease import LeaseState

WATCH_EVERY_S = 2.0
"""Seconds between two views of a study that is watched."""
MAX_ARMS, MAX_SEEDS, MAX_FAILURES, LOG_LINES = 40, 16, 10, 3
"""Maximum numbers of arms, of failures, and of lines of each failure's log that are shown."""
OPEN = "·"
"""Mark of a trial without a record."""


@report_errors
def status(
    name: Annotated[
        str | None, typer.Argument(help="Name of a study; all studies are listed if it is omitted.")
    ] = None,
    root: Root = "runs",
    trials: Annotated[bool, typer.Option("--trials", help="List every trial with its digest.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show the state until the study stops running.")] = False,
) -> None:
    """Show how far a study is: arms by seeds, rates, failures; or list all studies."""
    from study.execution.session import Session

    if name is None:
        print_studies(root)
        return
    session = Session(root=root, name=name, console=console)
    session.plan()
    if watch:
        _watch(session.store)
    state = study_state(session.store)
    resume_command = None if state.lease or session.is_complete(state.plan) else session.resume_command
    console.print(status_view(state, resume_command))
    if trials:
        console.print(trials_view(state.plan, session.store))


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyState:
    """What the store of a study says about its state."""

    plan: "StudyPlan"
    outcomes: "Mapping[str, Outcome]"
    """Outcomes by digest."""
    failures: tuple[tuple["PlannedTrial", "Outcome", str], ...]
    """The first trials that ended without results, with outcome and error; those that were cancelled go on."""
    lease: "LeaseState | None"
    """Lease of the running driver; None if the study is not running."""


def study_state(store: "Store") -> StudyState:
    """Read the state of a study from its store."""
    from study.execution.lease import running_lease

    plan, outcomes = store.plan(), store.outcomes()
    no_failures = ("finished", "stopped", "cancelled")
    failed = [trial for trial in plan.trials if outcomes.get(trial.digest, "finished") not in no_failures]
    failures = []
    for trial in failed[:MAX_FAILURES]:
        record = store.record(trial.digest)
        failures.append((trial, outcomes[trial.digest], (record.error or "") if record else ""))
    return StudyState(plan=plan, outcomes=outcomes, failures=tuple(failures), lease=running_lease(store))


def status_view(state: StudyState, resume_command: str | None) -> RenderableType:
    """What the study is doing, a table of arms by seeds, the number of trials by state, and failures.

    Args:
        state: State of the study.
        resume_command: Command that resumes the study; None if it is running or complete.
    """
    plan = state.plan
    parts: list[RenderableType] = [
        Text(f"{plan.name}: {printable(plan.question)}", style="bold"),
        *_running_lines(state.lease),
    ]
    parts.append(_grid(state))
    if (n_hidden := len(plan.arms) - MAX_ARMS) > 0:
        parts.append(Text(f"and {n_hidden} more arms: --trials lists every trial"))
    counts = ", ".join(f"{count} {_text(name)}" for name, count in _counts(plan.trials, state.outcomes).items())
    parts.append(Text(f"{len(plan.trials)} planned: {counts or 'none yet'}"))
    parts += _search_lines(plan)
    for trial, outcome, error in state.failures:
        lines = error.strip().splitlines()
        parts.append(Text(f"{trial.arm} seed {trial.seed} {_text(outcome)}: {lines[0] if lines else 'no message'}"))
        parts += [Text(f"    {line}", style="dim") for line in lines[1:][-LOG_LINES:]]
    if resume_command:
        parts.append(Text(f"Run what is open: {resume_command}"))
    return Group(*parts)


def trials_view(plan: "StudyPlan", store: "Store") -> RenderableType:
    """A table of all trials with their states."""
    table = Table("arm", "seed", "stage", "digest", "state", "audio.mss")
    records = {record.digest: record for record in store.ledger()}
    for trial in plan.trials:
        record = records.get(trial.digest)
        if record is None or not record.has_ended:
            detail, value = _checkpoint_line(store, plan, trial), None
        else:
            detail = (record.error or "").strip().splitlines()[:1]
            value = record.metrics.get("test", record.metrics.get("validation", {})).get("audio.mss")
        name = _text(record.outcome) if record else "open"
        table.add_row(
            Text(trial.arm),
            str(trial.seed),
            trial.stage,
            trial.digest,
            Text(": ".join([name, *detail])),
            "" if value is None else f"{value:.4g}",
        )
    return table


def _watch(store: "Store") -> None:
    """Show the state of a study until it is not running."""
    state = study_state(store)
    with Live(status_view(state, None), console=console, auto_refresh=False, transient=True) as live:
        while state.lease is not None:
            time.sleep(WATCH_EVERY_S)
            state = study_state(store)
            live.update(status_view(state, None), refresh=True)


def _running_lines(lease: "LeaseState | None") -> list[RenderableType]:
    """Where the study runs, what its driver does, and its running trials."""
    from dashboards.durations import duration
    from study.progress import number

    if lease is None:
        return [Text("not running")]
    beat: Mapping[str, Any] = lease.heartbeat
    progress: Mapping[str, Any] = beat.get("progress") or {}
    parts = [f"running on {lease.holder.host} (process {lease.holder.pid}, since {lease.holder.since})"]
    parts.append(str(beat.get("phase", "starting")))
    if progress:
        parts.append(f"{progress['done']} of {progress['planned']} trials done, {progress['failed']} failed")
        if progress.get("seconds_left") is not None:
            parts.append(f"about {duration(progress['seconds_left'])} left")
    lines: list[RenderableType] = [Text("; ".join(parts))]
    for running in progress.get("running", ()):
        lines.append(
            Text(
                f"  {running['label']}: step {running['step']} of {running['max_steps']}, "
                f"loss {number(running['loss'])}"
            )
        )
    return lines


def _search_lines(plan: "StudyPlan") -> list[RenderableType]:
    """Numbers of proposals of a search, and remarks on cells that ended early."""
    from core.errors import ConfigError
    from search_spaces.study_parsing import parse_study

    if not plan.asks:
        return []
    n_infeasible = sum(ask.arm is None for ask in plan.asks)
    n_repeated = len(plan.asks) - n_infeasible - len({(ask.cell, ask.arm) for ask in plan.asks if ask.arm is not None})
    line = f"search: {len(plan.asks)} proposals, {n_infeasible} infeasible, {n_repeated} repeated"
    try:
        searches = parse_study(plan.study_file).searches()
    except ConfigError as error:
        # Such as a custom sampler that cannot be imported here.
        return [Text(f"{line}; it cannot go on: {error}")]
    return [Text(line), *(Text(remark) for search in searches for remark in search.remarks(plan.asks))]


def _grid(state: StudyState) -> Table:
    """A table of the first arms by seeds, with a mark for each trial; with many seeds, of the arms by states."""
    plan = state.plan
    seeds = list(dict.fromkeys(trial.seed for trial in plan.trials))
    if len(seeds) > MAX_SEEDS:
        return _counts_by_arm(state)
    table = Table("arm", *map(str, seeds))
    for arm in plan.arms[:MAX_ARMS]:
        marks = {trial.seed: _mark(state.outcomes.get(trial.digest)) for trial in plan.trials_of(arm.name)}
        table.add_row(Text(arm.name), *(Text(marks.get(seed, "")) for seed in seeds))
    return table


def _counts_by_arm(state: StudyState) -> Table:
    """A table of the first arms with the number of their trials by state."""
    plan = state.plan
    states = list(_counts(plan.trials, state.outcomes))
    table = Table("arm", "seeds", *map(_text, states))
    for arm in plan.arms[:MAX_ARMS]:
        trials = plan.trials_of(arm.name)
        counts = _counts(trials, state.outcomes)
        table.add_row(Text(arm.name), str(len(trials)), *(str(counts.get(name, "")) for name in states))
    return table


def _mark(outcome: "Outcome | None") -> str:
    """Mark of a trial in the table of arms by seeds."""
    if outcome is None:
        return OPEN
    return "✓" if outcome == "finished" else _text(outcome)


def _counts(trials: "Sequence[PlannedTrial]", outcomes: "Mapping[str, Outcome]") -> dict[str, int]:
    """Number of trials by state, without states that no trial has."""
    from core.storage.records import Outcome

    counts = Counter(outcomes.get(trial.digest, "open") for trial in trials)
    return {state: counts[state] for state in (*get_args(Outcome), "open") if counts[state]}


def _text(state: str) -> str:
    """A state of a trial as text."""
    return state.replace("_", " ")


def _checkpoint_line(store: "Store", plan: "StudyPlan", trial: "PlannedTrial") -> list[str]:
    """A line on the checkpoint from which an open or cancelled trial would resume; empty if there is none."""
    from core.storage.checkpoint_files import latest_checkpoint_step

    step = latest_checkpoint_step(store, trial.digest)
    max_steps = plan.arm(trial.arm).config["trainer"]["max_steps"]
    return [] if step is None else [f"checkpoint at step {step} of {max_steps}"]
