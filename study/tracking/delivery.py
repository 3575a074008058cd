"""One study in MLflow: study run > arm runs > seed runs, made from the plan and the ledger alone.

Delivering twice changes nothing: runs are found again by their tags, and every metric row has the step and time that
the record gives it, so that the tracker drops the rows it has.

    study run   front.size, front.hypervolume, front.share, trials.finished, trials.failed by finished trials; report
    arm run     <metric>, <metric>.lo, <metric>.hi: mean and interval over the finished seeds; tag on_front
    seed run    train_loss, validation_loss by step; <metric> on test, validation.<metric>; params by dotted path
"""

import json
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from core.storage.records import PlannedTrial, TrialRecord
from core.storage.store import Store
from dashboards.analysis.study_results import StudyResults, front_statistics, make_results

ID_KEY = "mlflow-id"
"""Key of the id that tells this study folder from an earlier one of the same name in the same tracker."""
ARTIFACTS = ("report/index.html", "report/front.png", "summary.json")
STUDY_ID, LEVEL, ARM, DIGEST, DELIVERED = (
    "modstudy.study_id",
    "modstudy.level",
    "modstudy.arm",
    "modstudy.digest",
    "modstudy.delivered",
)
MAX_METRICS, MAX_PARAMS, MAX_VALUE = 1000, 100, 6000
CUT = " … (cut; the full text is in the study's record)"
T = TypeVar("T")


class Delivery:
    """Copies the contents of a study's store to an MLflow tracker."""

    def __init__(self, store: Store, tracking_uri: str, artifact_location: str | None = None) -> None:
        """
        Args:
            store: The study's store.
            tracking_uri: Any URI that MLflow takes, such as `sqlite:///runs/mlflow.db` or `http://host:5000`.
            artifact_location: URI of a new experiment's artifacts; None leaves it to the tracker.
        """
        self._store = store
        self._plan = store.plan()
        self._client = MlflowClient(tracking_uri=tracking_uri)
        self._experiment = self._experiment_id(artifact_location)
        self._runs = self._known_runs()
        self._records: dict[str, TrialRecord] = {}
        self._study = self._run("study", None, self._plan.name, {}, None)
        self._arms: dict[str, str] = {}
        # The runs of an interrupted study were ended with it.
        self._client.update_run(self._study, status="RUNNING")

    def sync(self) -> None:
        """Deliver the records that the tracker lacks, and update the aggregates."""
        self._plan = self._store.plan()
        self._create_arms()
        new = [trial for trial in self._plan.trials if trial.digest not in self._records]
        found = [(trial, record) for trial in new if (record := self._store.record(trial.digest))]
        for trial, record in sorted(found, key=lambda pair: (pair[1].finished_at, pair[0].digest)):
            self._deliver(trial, record)
            self._records[trial.digest] = record
        if found:
            self._deliver_front()
            self._deliver_arms()

    def finish(self, status: str) -> None:
        """Deliver the report's files and end the study's runs with `FINISHED`, `FAILED` or `KILLED`."""
        with tempfile.TemporaryDirectory() as folder:
            for key in ARTIFACTS:
                if self._store.has(key):
                    path = Path(folder) / Path(key).name
                    path.write_bytes(self._store.get(key))
                    self._client.log_artifact(self._study, str(path), str(Path(key).parent) if "/" in key else None)
        for arm, run in self._arms.items():
            trials = [trial for trial in self._plan.trials if trial.arm == arm]
            done = [self._records[trial.digest] for trial in trials if trial.digest in self._records]
            arm_status = "FINISHED" if all(record.outcome == "finished" for record in done) else "FAILED"
            self._client.set_terminated(run, arm_status if len(done) == len(trials) else status)
        self._client.set_terminated(self._study, status)

    # ---------------------------------------------------------------------------------------------------- deliveries

    def _create_arms(self) -> None:
        """Runs of the arms, those that a later stage of the study proposed included."""
        factors = self._plan.factors()
        for arm in self._plan.arms:
            if arm.name not in self._arms:
                tags = {ARM: arm.name, "is_baseline": _text(arm.is_baseline)}
                self._arms[arm.name] = self._run("arm", self._study, arm.name, tags)
                self._log_params(self._arms[arm.name], factors[arm.name])

    def _deliver(self, trial: PlannedTrial, record: TrialRecord) -> None:
        known = self._runs.get(("seed", trial.digest))
        if known is not None and known[1] == record.attempt:
            return
        if known is not None and known[1] is not None:
            # Another attempt counts now; its numbers must not mix with those of the one before.
            self._client.delete_run(known[0])
            del self._runs["seed", trial.digest]
        tags = {
            ARM: trial.arm,
            DIGEST: trial.digest,
            "digest": trial.digest,
            "attempt": record.attempt,
            "outcome": record.outcome,
            "git_commit": str(record.environment.get("git_commit") or "unknown"),
            "host": str(record.environment.get("host") or "unknown"),
            "error": _cut(record.error or ""),
            "copied_from": record.copied_from or "",
        }
        name = f"{trial.arm} seed {trial.seed}"
        run = self._run("seed", self._arms[trial.arm], name, tags, _milliseconds(record.started_at), trial.digest)
        self._log_params(run, record.config)
        self._log_metrics(run, _trial_metrics(record))
        status = "FINISHED" if record.outcome == "finished" else "FAILED"
        self._client.set_terminated(run, status, end_time=_milliseconds(record.finished_at))
        self._client.set_tag(run, DELIVERED, record.attempt)
        self._runs["seed", trial.digest] = (run, record.attempt)

    def _deliver_front(self) -> None:
        """The front after each finished trial; a tracker that was down for a while gets the same history later."""
        order = sorted(self._records.values(), key=lambda record: (record.finished_at, record.digest))
        history = self._client.get_metric_history(self._study, "front.size")
        first = 1 + max((row.step for row in history), default=0)
        metrics: list[Metric] = []
        for step in range(first, len(order) + 1):
            results = make_results(self._plan, {record.digest: record for record in order[:step]})
            front = front_statistics(results)
            values = {
                "front.size": float(front.size),
                "front.hypervolume": front.hypervolume,
                "front.share": front.share,
                "trials.finished": float(results.counts["finished"]),
                "trials.failed": float(results.counts["failed"] + results.counts["diverged"]),
            }
            at = _milliseconds(order[step - 1].finished_at)
            metrics += [Metric(name, value, at, step) for name, value in values.items()]
        self._log_metrics(self._study, metrics)

    def _deliver_arms(self) -> None:
        results = make_results(self._plan, self._records)
        for arm in results.arms:
            run = self._arms[arm.name]
            done = [trial.record for trial in arm.finished if trial.record]
            at = max((_milliseconds(record.finished_at) for record in done), default=0)
            metrics = []
            for name, estimate in arm.metrics.items():
                values = {name: estimate.mean, f"{name}.lo": estimate.lo, f"{name}.hi": estimate.hi}
                metrics += [Metric(key, value, at, len(done)) for key, value in values.items() if value is not None]
            self._log_metrics(run, metrics)
        self._tag_front(results)

    def _tag_front(self, results: StudyResults) -> None:
        for arm in results.arms:
            seeds = [self._runs["seed", t.digest][0] for t in arm.trials if ("seed", t.digest) in self._runs]
            for run in (self._arms[arm.name], *seeds):
                self._client.set_tag(run, "on_front", _text(arm.on_front))
                self._client.set_tag(run, "front_status", arm.status)

    # ----------------------------------------------------------------------------------------------------------- runs

    def _experiment_id(self, artifact_location: str | None) -> str:
        name = self._plan.name
        if experiment := self._client.get_experiment_by_name(name):
            if experiment.lifecycle_stage == "deleted":
                self._client.restore_experiment(experiment.experiment_id)
            return str(experiment.experiment_id)
        return str(self._client.create_experiment(name, artifact_location=artifact_location))

    def _known_runs(self) -> dict[tuple[str, str], tuple[str, str | None]]:
        """Run id and delivered attempt by level and key."""
        if not self._store.has(ID_KEY):
            self._store.put(ID_KEY, secrets.token_hex(8).encode())
        self._id = self._store.get(ID_KEY).decode()
        known: dict[tuple[str, str], tuple[str, str | None]] = {}
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment], f"tags.`{STUDY_ID}` = '{self._id}'", max_results=1000, page_token=token
            )
            for run in page:
                tags = run.data.tags
                key = tags.get(DIGEST) or tags.get(ARM) or ""
                known[tags[LEVEL], key] = (run.info.run_id, tags.get(DELIVERED))
            token = page.token
            if not token:
                return known

    def _run(
        self,
        level: str,
        parent: str | None,
        name: str,
        tags: Mapping[str, str],
        started: int | None = None,
        key: str | None = None,
    ) -> str:
        key = key or tags.get(ARM, "")
        if (level, key) in self._runs:
            return self._runs[level, key][0]
        every = {STUDY_ID: self._id, LEVEL: level, "study": self._plan.name, **tags}
        if parent:
            every["mlflow.parentRunId"] = parent
        else:
            every |= {"mlflow.note.content": self._plan.question, "git_commit": (self._plan.code_versions or ("",))[0]}
        run = self._client.create_run(self._experiment, start_time=started, tags=every, run_name=name)
        self._runs[level, key] = (run.info.run_id, None)
        return str(run.info.run_id)

    def _log_params(self, run: str, settings: Mapping[str, Any]) -> None:
        params = [Param(path, _cut(_text(value))) for path, value in settings.items()]
        for part in _parts(params, MAX_PARAMS):
            self._client.log_batch(run, params=part)
        long = [path for path, value in settings.items() if len(_text(value)) > MAX_VALUE]
        if long:
            self._client.log_batch(run, tags=[RunTag("cut_params", ", ".join(long))])

    def _log_metrics(self, run: str, metrics: Sequence[Metric]) -> None:
        for part in _parts(metrics, MAX_METRICS):
            self._client.log_batch(run, metrics=part)


def _trial_metrics(record: TrialRecord) -> list[Metric]:
    started, finished = _milliseconds(record.started_at), _milliseconds(record.finished_at)
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


def _milliseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000) if moment else 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - len(CUT)] + CUT


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
