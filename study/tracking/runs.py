"""The runs of one study in an MLflow tracker, found and told apart by their tags.

Opening the runs reads all that the tracker holds of the study once; what it holds already is not sent again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from unittest.mock import patch

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.db import utils

from study.tracking.locks import database_lock

STUDY_ID, LEVEL, ARM, DIGEST = "modstudy.study_id", "modstudy.level", "modstudy.arm", "modstudy.digest"
"""Names of the tags by which runs are identified."""
MAX_TRIES = 4
"""Number of times that MLflow tries a database that cannot be reached, within a second and the times of the tries."""
PAGE = 1000
"""Number of runs per request."""
Level = Literal["study", "arm", "seed"]
"""Level of a run in the nesting."""


@dataclass(slots=True, kw_only=True)
class TrackedRun:
    """What the tracker holds of a run."""

    run_id: str
    status: str
    """MLflow's status, such as `RUNNING` or `FINISHED`."""
    tags: dict[str, str]
    parameters: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    """Latest value of each metric."""

    @property
    def has_ended(self) -> bool:
        """Whether the run has ended, which it does after all its values were delivered."""
        return self.status != "RUNNING"


class StudyRuns:
    """The runs of one study: one of the study, one per arm nested in it, and one per trial nested in those."""

    def __init__(self, tracking_uri: str, study: str, study_id: str, artifact_location: str | None) -> None:
        """Connect to the tracker, create or find the experiment, and read the runs of the study.

        Args:
            tracking_uri: Any tracking URI of MLflow, such as `sqlite:///runs/mlflow.db` or `http://host:5000`.
            study: Name of the study, which is that of the experiment.
            study_id: Id that tells the study from others with its name in the same tracker.
            artifact_location: URI for the artifacts of a new experiment; None selects the tracker's default.
        """
        self._study_id = study_id
        self._study = study
        with database_lock(tracking_uri), _few_tries():
            self._client = MlflowClient(tracking_uri=tracking_uri)
            self._experiment = self._experiment_id(artifact_location)
        self._runs: dict[tuple[Level, str], TrackedRun] = {}
        self._read()

    @property
    def experiment_id(self) -> str:
        """Id of the experiment of the study."""
        return self._experiment

    @property
    def study_id(self) -> str:
        """Id that tells the study from others with its name in the same tracker."""
        return self._study_id

    def tag_experiment(self, tags: Mapping[str, str]) -> None:
        """Set tags of the experiment; those that it has already are not sent again."""
        present = self._client.get_experiment(self._experiment).tags
        for key, value in tags.items():
            if present.get(key) != value:
                self._client.set_experiment_tag(self._experiment, key, value)

    def get(self, level: Level, key: str) -> TrackedRun | None:
        """The run with a level and a key: the name of an arm, the digest of a trial, or "" for the study."""
        return self._runs.get((level, key))

    def create(
        self,
        level: Level,
        key: str,
        name: str,
        tags: Mapping[str, str],
        *,
        parent: TrackedRun | None = None,
        started_ms: int | None = None,
    ) -> TrackedRun:
        """Create the run with a level and a key, which must not exist."""
        all_tags = {STUDY_ID: self._study_id, LEVEL: level, "study": self._study, **tags}
        if key:
            all_tags[ARM if level == "arm" else DIGEST] = key
        if parent is not None:
            all_tags["mlflow.parentRunId"] = parent.run_id
        run = self._client.create_run(self._experiment, start_time=started_ms, tags=all_tags, run_name=name)
        self._runs[level, key] = TrackedRun(run_id=run.info.run_id, status="RUNNING", tags=all_tags)
        return self._runs[level, key]

    def log(
        self,
        run: TrackedRun,
        *,
        metrics: Sequence[Metric] = (),
        parameters: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Add values to a run; parameters and tags that it has already are not sent again."""
        new_parameters = {k: value for k, value in (parameters or {}).items() if run.parameters.get(k) != value}
        new_tags = {key: value for key, value in (tags or {}).items() if run.tags.get(key) != value}
        if not (metrics or new_parameters or new_tags):
            return
        # The client splits this into as few requests as the limits of MLflow allow.
        self._client.log_batch(
            run.run_id,
            metrics=list(metrics),
            params=[Param(key, value) for key, value in new_parameters.items()],
            tags=[RunTag(key, value) for key, value in new_tags.items()],
        )
        run.parameters |= new_parameters
        run.tags |= new_tags
        run.metrics |= {metric.key: metric.value for metric in metrics}

    def end(self, run: TrackedRun, status: str, ended_ms: int | None = None) -> None:
        """End a run, now or at a given Unix time in milliseconds, unless it has this status."""
        if run.status != status:
            self._client.set_terminated(run.run_id, status, end_time=ended_ms)
            run.status = status

    def reopen(self, run: TrackedRun) -> None:
        """Mark a run as running again, unless it is."""
        if run.has_ended:
            self._client.update_run(run.run_id, status="RUNNING")
            run.status = "RUNNING"

    def delete(self, level: Level, key: str) -> None:
        """Delete a run."""
        self._client.delete_run(self._runs[level, key].run_id)
        del self._runs[level, key]

    def last_step(self, run: TrackedRun, metric: str) -> int:
        """Largest step of a metric; 0 if it has no rows."""
        if metric not in run.metrics:
            return 0
        return max((row.step for row in self._client.get_metric_history(run.run_id, metric)), default=0)

    def add_file(self, run: TrackedRun, path: Path, folder: str | None) -> None:
        """Add a file to the artifacts of a run, or replace it."""
        self._client.log_artifact(run.run_id, str(path), folder)

    def add_files(self, run: TrackedRun, folder: Path) -> None:
        """Add all files of a folder to the artifacts of a run, or replace them."""
        self._client.log_artifacts(run.run_id, str(folder))

    # ----------------------------------------------------------------------------------------------------------------

    def _experiment_id(self, artifact_location: str | None) -> str:
        """Id of the experiment of the study, which is restored if deleted and created if missing."""
        if (found := self._find_experiment()) is not None:
            return found
        try:
            return str(self._client.create_experiment(self._study, artifact_location=artifact_location))
        except MlflowException as error:
            # Another process created it in the meantime.
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or (found := self._find_experiment()) is None:
                raise
            return found

    def _find_experiment(self) -> str | None:
        """Id of the experiment of the study, which is restored if deleted; None if there is none."""
        experiment = self._client.get_experiment_by_name(self._study)
        if experiment is None:
            return None
        if experiment.lifecycle_stage == "deleted":
            self._client.restore_experiment(experiment.experiment_id)
        return str(experiment.experiment_id)

    def _read(self) -> None:
        """Read all runs of the study, and delete duplicates.

        There are two runs with one key if the tracker created a run, and its answer was lost.
        """
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment],
                f"tags.`{STUDY_ID}` = '{self._study_id}'",
                max_results=PAGE,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            for run in page:
                self._take(run)
            token = page.token
            if not token:
                return

    def _take(self, run: Run) -> None:
        """Remember a run; of two with one key, the one that has ended, or else the first, is kept."""
        found = TrackedRun(
            run_id=run.info.run_id,
            status=run.info.status,
            tags=dict(run.data.tags),
            parameters=dict(run.data.params),
            metrics=dict(run.data.metrics),
        )
        level = _level(found.tags[LEVEL])
        key = found.tags.get(DIGEST) or found.tags.get(ARM) or ""
        other = self._runs.get((level, key))
        if other is None:
            self._runs[level, key] = found
        elif found.has_ended and not other.has_ended:
            self._client.delete_run(other.run_id)
            self._runs[level, key] = found
        else:
            self._client.delete_run(found.run_id)


@contextmanager
def _few_tries() -> Iterator[None]:
    """Let MLflow try a database that cannot be reached for some seconds only, instead of more than a minute."""
    with patch.object(utils, "MAX_RETRY_COUNT", MAX_TRIES):
        yield


def _level(name: str) -> Level:
    """The level of a run from its tag."""
    for level in ("study", "arm", "seed"):
        if name == level:
            return level
    raise ValueError(f"a run has the unknown level {name!r}")
