"""Delivery of a study to MLflow as nested runs of the study, its arms and their seeds.

Runs are made only from the plan and the ledger. Delivery is idempotent: existing runs are found by their tags, and each
metric row has the step and time of its record, so the tracker ignores rows that it already has.

    study run   front.size, front.hypervolume, front.share, trials.finished, trials.failed by recorded trials; report
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
"""Key in the store of an id that distinguishes this study from earlier ones with its name in the same tracker."""
ARTIFACTS = ("report/index.html", "report/front.png", "summary.json")
"""Keys in the store of the report files that are delivered."""
STUDY_ID, LEVEL, ARM, DIGEST, DELIVERED = (
    "modstudy.study_id",
    "modstudy.level",
    "modstudy.arm",
    "modstudy.digest",
    "modstudy.delivered",
)
"""Names of the tags by which runs are identified."""
MAX_METRICS, MAX_PARAMS, MAX_VALUE = 1000, 100, 6000
"""Limits of MLflow: metrics and parameters per request, and characters per value."""
CUT_SUFFIX = " … (cut; the full text is in the study's record)"
"""End of a value that was shortened."""
T = TypeVar("T")


class Delivery:
    """Copies the contents of the store of a study to an MLflow tracker."""

    def __init__(self, store: Store, tracking_uri: str, artifact_location: str | None = None) -> None:
        """Connect to the tracker, and create or find the experiment and the run of the study.

        Args:
            store: Store of the study.
            tracking_uri: Any tracking URI of MLflow, such as `sqlite:///runs/mlflow.db` or `http://host:5000`.
            artifact_location: URI for the artifacts of a new experiment; None selects the tracker's default.
        """
        self._store = store
        self._plan = store.plan()
        self._client = MlflowClient(tracking_uri=tracking_uri)
        self._experiment = self._experiment_id(artifact_location)
        self._runs = self._known_runs()
        self._records: dict[str, TrialRecord] = {}
        self._study_run = self._run_id("study", None, self._plan.name, {}, None)
        self._arm_runs: dict[str, str] = {}
        # The run has ended if the study was interrupted, or finished before it was extended.
        self._client.update_run(self._study_run, status="RUNNING")

    def sync(self) -> None:
        """Deliver new records, and update the metrics of arms and of the study."""
        self._plan = self._store.plan()
        self._create_arm_runs()
        new = [trial for trial in self._plan.trials if trial.digest not in self._records]
        new_records = [(trial, record) for trial in new if (record := self._store.record(trial.digest))]
        for trial, record in sorted(new_records, key=lambda pair: (pair[1].finished_at, pair[0].digest)):
            self._deliver_trial(trial, record)
            self._records[trial.digest] = record
        if new_records:
            self._deliver_front()
            self._deliver_arms()

    def finish(self, status: str) -> None:
        """Deliver the files of the report, and end the runs of the study with `FINISHED`, `FAILED` or `KILLED`."""
        with tempfile.TemporaryDirectory() as folder:
            for key in ARTIFACTS:
                if self._store.has(key):
                    path = Path(folder) / Path(key).name
                    path.write_bytes(self._store.get(key))
                    self._client.log_artifact(self._study_run, str(path), str(Path(key).parent) if "/" in key else None)
        for arm, run in self._arm_runs.items():
            trials = [trial for trial in self._plan.trials if trial.arm == arm]
            done = [self._records[trial.digest] for trial in trials if trial.digest in self._records]
            arm_status = "FINISHED" if all(record.outcome == "finished" for record in done) else "FAILED"
            self._client.set_terminated(run, arm_status if len(done) == len(trials) else status)
        self._client.set_terminated(self._study_run, status)

    # ---------------------------------------------------------------------------------------------------- deliveries

    def _create_arm_runs(self) -> None:
        """Create runs for arms that have none, including those proposed by later stages of the study."""
        factors = self._plan.factors()
        for arm in self._plan.arms:
            if arm.name not in self._arm_runs:
                tags = {ARM: arm.name, "is_baseline": _text(arm.is_baseline)}
                self._arm_runs[arm.name] = self._run_id("arm", self._study_run, arm.name, tags)
                self._log_params(self._arm_runs[arm.name], factors[arm.name])

    def _deliver_trial(self, trial: PlannedTrial, record: TrialRecord) -> None:
        """Create the run of a trial with its parameters and metrics, unless this attempt was already delivered."""
        known = self._runs.get(("seed", trial.digest))
        if known is not None and known[1] == record.attempt:
            return
        if known is not None and known[1] is not None:
            # Another attempt is committed now; its values must not be mixed with those of the earlier one.
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
            "error": _shortened(record.error or ""),
            "copied_from": record.copied_from or "",
        }
        name = f"{trial.arm} seed {trial.seed}"
        run = self._run_id(
            "seed", self._arm_runs[trial.arm], name, tags, _milliseconds(record.started_at), trial.digest
        )
        self._log_params(run, record.config)
        self._log_metrics(run, _trial_metrics(record))
        status = "FINISHED" if record.outcome == "finished" else "FAILED"
        self._client.set_terminated(run, status, end_time=_milliseconds(record.finished_at))
        self._client.set_tag(run, DELIVERED, record.attempt)
        self._runs["seed", trial.digest] = (run, record.attempt)

    def _deliver_front(self) -> None:
        """Deliver metrics of the front after each record that the tracker lacks, in the order in which trials ended.

        The history is the same if the tracker was unavailable in the meantime.
        """
        order = sorted(self._records.values(), key=lambda record: (record.finished_at, record.digest))
        history = self._client.get_metric_history(self._study_run, "front.size")
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
                "trials.failed": float(
                    results.counts["planned"] - results.counts["finished"] - results.counts["missing"]
                ),
            }
            time_ms = _milliseconds(order[step - 1].finished_at)
            metrics += [Metric(name, value, time_ms, step) for name, value in values.items()]
        self._log_metrics(self._study_run, metrics)

    def _deliver_arms(self) -> None:
        """Deliver means and intervals of each arm."""
        results = make_results(self._plan, self._records)
        for arm in results.arms:
            run = self._arm_runs[arm.name]
            done = [trial.record for trial in arm.finished if trial.record]
            time_ms = max((_milliseconds(record.finished_at) for record in done), default=0)
            metrics = []
            for name, estimate in arm.metrics.items():
                values = {name: estimate.mean, f"{name}.lo": estimate.lo, f"{name}.hi": estimate.hi}
                metrics += [
                    Metric(key, value, time_ms, len(done)) for key, value in values.items() if value is not None
                ]
            self._log_metrics(run, metrics)
        self._tag_front(results)

    def _tag_front(self, results: StudyResults) -> None:
        """Tag runs of arms and seeds with the status of the arm relative to the front."""
        for arm in results.arms:
            seeds = [self._runs["seed", t.digest][0] for t in arm.trials if ("seed", t.digest) in self._runs]
            for run in (self._arm_runs[arm.name], *seeds):
                self._client.set_tag(run, "on_front", _text(arm.on_front))
                self._client.set_tag(run, "front_status", arm.status)

    # ----------------------------------------------------------------------------------------------------------- runs

    def _experiment_id(self, artifact_location: str | None) -> str:
        """Id of the experiment of the study, which is restored if deleted and created if missing."""
        name = self._plan.name
        if experiment := self._client.get_experiment_by_name(name):
            if experiment.lifecycle_stage == "deleted":
                self._client.restore_experiment(experiment.experiment_id)
            return str(experiment.experiment_id)
        return str(self._client.create_experiment(name, artifact_location=artifact_location))

    def _known_runs(self) -> dict[tuple[str, str], tuple[str, str | None]]:
        """Run id and delivered attempt of the existing runs of the study, by level and key."""
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

    def _run_id(
        self,
        level: str,
        parent: str | None,
        name: str,
        tags: Mapping[str, str],
        started: int | None = None,
        key: str | None = None,
    ) -> str:
        """Id of the run with the given level and key, which is created if it does not exist."""
        key = key or tags.get(ARM, "")
        if (level, key) in self._runs:
            return self._runs[level, key][0]
        all_tags = {STUDY_ID: self._id, LEVEL: level, "study": self._plan.name, **tags}
        if parent:
            all_tags["mlflow.parentRunId"] = parent
        else:
            all_tags |= {
                "mlflow.note.content": self._plan.question,
                "git_commit": (self._plan.code_versions or ("",))[0],
            }
        run = self._client.create_run(self._experiment, start_time=started, tags=all_tags, run_name=name)
        self._runs[level, key] = (run.info.run_id, None)
        return str(run.info.run_id)

    def _log_params(self, run: str, settings: Mapping[str, Any]) -> None:
        """Log settings as parameters of a run; a tag lists those that were shortened."""
        params = [Param(path, _shortened(_text(value))) for path, value in settings.items()]
        for batch in _batches(params, MAX_PARAMS):
            self._client.log_batch(run, params=batch)
        long = [path for path, value in settings.items() if len(_text(value)) > MAX_VALUE]
        if long:
            self._client.log_batch(run, tags=[RunTag("cut_params", ", ".join(long))])

    def _log_metrics(self, run: str, metrics: Sequence[Metric]) -> None:
        """Log metrics of a run in batches."""
        for batch in _batches(metrics, MAX_METRICS):
            self._client.log_batch(run, metrics=batch)


def _trial_metrics(record: TrialRecord) -> list[Metric]:
    """Rows with the training history and the final metrics of a trial."""
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
    """Unix time in milliseconds of an ISO 8601 time; 0 for an empty string."""
    return round(datetime.fromisoformat(moment).timestamp() * 1000) if moment else 0


def _text(value: Any) -> str:
    """A string unchanged, any other value as JSON."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _shortened(text: str) -> str:
    """The text, shortened to the limit of MLflow."""
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - len(CUT_SUFFIX)] + CUT_SUFFIX


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in consecutive batches of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))
