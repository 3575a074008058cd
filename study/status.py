"""How far a study is, trial by trial."""

import re

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from core.results import PlannedTrial, StudyPlan
from core.store import Store

_CHECKPOINT = re.compile(r"checkpoint-(\d+)\.pt")


def status_view(plan: StudyPlan, store: Store, resume_command: str) -> RenderableType:
    """A table of the trials, their counts, and how to go on."""
    table = Table("arm", "seed", "digest", "state", "audio.mss", title=Text(f"{plan.name}: {plan.question}"))
    counts = {"finished": 0, "diverged": 0, "failed": 0, "open": 0}
    for trial in plan.trials:
        record = store.record(trial.digest)
        state, value = (record.outcome, record.metrics.get("test", {}).get("audio.mss")) if record else ("open", None)
        counts[state] += 1
        detail = _progress(store, trial) if record is None else (record.error or "").strip().splitlines()[:1]
        table.add_row(
            Text(trial.arm),
            str(trial.seed),
            trial.digest,
            Text(": ".join([state, *detail])),
            "" if value is None else f"{value:.4g}",
        )
    line = f"{len(plan.trials)} planned: " + ", ".join(f"{number} {state}" for state, number in counts.items())
    rest = [Text(f"Run what is open: {resume_command}")] if counts["open"] else []
    return Group(table, Text(line), *rest)


def _progress(store: Store, trial: PlannedTrial) -> list[str]:
    """Where an open trial would go on."""
    steps = [
        int(match[1])
        for attempt in store.attempts(trial.digest)
        for name in attempt.names()
        if (match := _CHECKPOINT.fullmatch(name))
    ]
    return [f"checkpoint at step {max(steps)} of {trial.config['trainer']['max_steps']}"] if steps else []
