"""Tags, parameters and metrics of runs in the form that MLflow takes."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mlflow.entities import Metric

from core.storage.records import Objective, PlannedTrial, TrialRecord
from dashboards.analysis.arm_results import ArmResult, FrontStatus
from dashboards.analysis.running_results import FrontPoint
from dashboards.formatting import number, signature_text

MAX_VALUE = 6000
"""Limit of MLflow: characters per value of a parameter."""
CUT_SUFFIX = " … (cut; the full text is in the study's record)"
"""End of a value that was shortened."""


def trial_tags(trial: PlannedTrial, record: TrialRecord) -> dict[str, str]:
    """Tags of the run of a trial, besides those that identify it."""
    tags = {
        "digest": trial.digest,
        "attempt": record.attempt,
        "outcome": record.outcome,
        "stage": str(getattr(trial, "stage", "design")),
        # The commit of the repository that trained the trial, in seed runs only; code_version is that of a package.
        "git_commit": str(record.environment.get("git_commit") or "unknown"),
        "code_version": str(record.environment.get("code_version") or "unknown"),
        "host": str(record.environment.get("host") or "unknown"),
        "signatures": shortened("; ".join(map(signature_text, record.signatures or ()))),
        "error": shortened(record.error or ""),
        "copied_from": record.copied_from or "",
    }
    cut = cut_parameters(record.config)
    return tags | ({"cut_params": shortened(", ".join(cut))} if cut else {})


def front_tags(status: FrontStatus) -> dict[str, str]:
    """Tags of the runs of an arm and of its seeds: whether the arm is on the front, or why it is not.

    An arm that a race leaves undecided has the status `undecided`, and is not said to be on the front.
    """
    return {"on_front": text(status == "front"), "front_status": status}


def arm_run_name(arm: ArmResult, objectives: Sequence[Objective]) -> str:
    """Name of the run of an arm with the means of its objectives, such as `lpf-8: audio.mss 0.82, …`."""
    means = [
        f"{objective.metric} {number(arm.metrics[objective.metric].mean)}"
        for objective in objectives
        if objective.metric in arm.metrics
    ]
    return f"{arm.name}: {', '.join(means)}" if means else arm.name


def run_status(record: TrialRecord) -> str:
    """MLflow's status of the run of a trial with a record."""
    if not record.has_ended:
        return "KILLED"
    return "FINISHED" if record.outcome == "finished" else "FAILED"


def trial_metrics(record: TrialRecord) -> list[Metric]:
    """Rows with the training history and the final metrics of a trial."""
    started, finished = milliseconds(record.started_at), milliseconds(record.finished_at)
    rows = [
        Metric(name, float(value), started + round(1000 * entry.get("elapsed_s", 0)), int(entry["step"]))
        for entry in record.history
        for name, value in entry.items()
        if name != "step" and value is not None
    ]
    for split, values in record.metrics.items():
        prefix = "" if split == "test" else f"{split}."
        rows += [
            Metric(f"{prefix}{name}", float(value), finished, record.best_step)
            for name, value in values.items()
            if value is not None
        ]
    return rows


def arm_metrics(arm: ArmResult, delay_ms: int = 0) -> list[Metric]:
    """Rows with means and intervals of an arm, at the number of its finished trials as step.

    Args:
        arm: Results of the arm.
        delay_ms: Milliseconds after its last trial; a row replaces an earlier one of the same step.
    """
    done = [trial.record for trial in arm.finished if trial.record]
    time_ms = max((milliseconds(record.finished_at) for record in done), default=0)
    return [
        Metric(key, value, time_ms + delay_ms, len(done))
        for name, estimate in arm.metrics.items()
        for key, value in ((name, estimate.mean), (f"{name}.lo", estimate.lo), (f"{name}.hi", estimate.hi))
        if value is not None
    ]


def front_metrics(point: FrontPoint, finished_at: str, delay_ms: int = 0) -> list[Metric]:
    """Rows with the front after a number of trials that have ended, which is the step.

    Args:
        point: The front.
        finished_at: Time in ISO 8601 at which the last of these trials ended.
        delay_ms: Milliseconds after that time; a row replaces an earlier one of the same step.
    """
    values = {
        "front.hypervolume": point.hypervolume,
        "front.share": point.share,
        "trials.finished": float(point.n_finished),
        "trials.failed": float(point.n_recorded - point.n_finished),
        # The last one, because a tracker that stores row by row may be interrupted: its steps are those delivered.
        "front.size": float(point.size),
    }
    time_ms = milliseconds(finished_at) + delay_ms
    return [Metric(name, value, time_ms, point.n_recorded) for name, value in values.items()]


def parameters(settings: Mapping[str, Any]) -> dict[str, str]:
    """Parameters of a run by dotted path, each shortened to the limit of MLflow."""
    return {path: shortened(text(value)) for path, value in settings.items()}


def cut_parameters(settings: Mapping[str, Any]) -> list[str]:
    """Dotted paths of the settings that are too long for MLflow."""
    return [path for path, value in settings.items() if len(text(value)) > MAX_VALUE]


def milliseconds(moment: str) -> int:
    """Unix time in milliseconds of an ISO 8601 time; 0 for an empty string."""
    return round(datetime.fromisoformat(moment).timestamp() * 1000) if moment else 0


def text(value: Any) -> str:
    """A string unchanged, any other value as JSON."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def shortened(value: str) -> str:
    """The text, shortened to the limit of MLflow."""
    return value if len(value) <= MAX_VALUE else value[: MAX_VALUE - len(CUT_SUFFIX)] + CUT_SUFFIX
