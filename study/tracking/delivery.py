"""Delivery of a study to MLflow as nested runs of the study, its arms and their seeds.

Runs are made only from the plan and the ledger. Delivery is idempotent: existing runs are found by their tags, and each
metric row has the step and time of its record, so the tracker ignores rows that it already has. A run of a seed ends
after all its values were delivered, so an interrupted delivery is continued with the first run that has not ended.

    study run   front.size, front.hypervolume, front.share, trials.finished, trials.failed by trials that ended; report,
                whose verdict, picture of the front and table of arms are the description
    arm run     <metric>, <metric>.lo, <metric>.hi: mean and interval over the finished seeds; tags on_front and
                front_status, which follow the race in a study that has one
    seed run    train_loss, validation_loss by step; <metric> on test, validation.<metric>; params by dotted path;
                a figure of the curves of two clips, and for one seed of each arm their sounds

A saved view of the experiment (study.tracking.views) shows the arms with a chart of one objective against the other.
"""

import tempfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from core.storage.records import TrialRecord
from core.storage.store import Store
from dashboards.analysis.arm_results import ArmResult, FrontStatus
from dashboards.analysis.race_results import front_status
from dashboards.analysis.running_results import FrontPoint, RunningResults
from dashboards.analysis.signature_counts import without_effect
from dashboards.analysis.study_results import front_statistics, load_results
from dashboards.report.keys import DATA_KEY, DESCRIPTION_KEY, FRONT_KEY, PAGE_KEY, SUMMARY_KEY
from study.tracking.delivery_id import delivery_id
from study.tracking.runs import ARM, StudyRuns, TrackedRun
from study.tracking.trial_files import write_trial_files
from study.tracking.values import (
    arm_metrics,
    arm_run_name,
    front_metrics,
    front_tags,
    milliseconds,
    parameters,
    run_status,
    text,
    trial_metrics,
    trial_tags,
)
from study.tracking.views import view_tags, with_artifact_links

ARTIFACTS = (PAGE_KEY, FRONT_KEY, SUMMARY_KEY, DATA_KEY)
"""Keys in the store of the report files that are delivered."""
NOTE = "mlflow.note.content"
"""Tag with the description of a run or of an experiment, as Markdown."""
MAX_RUNS_WITH_FILES = 200
"""Number of seed runs with files: in larger studies, one of each of the first arms of the plan."""
CHUNK = 100
"""Number of trials after which the history of the front is delivered."""


class Delivery:
    """Copies the contents of the store of a study to an MLflow tracker.

    After an error of the tracker, a new delivery continues where this one stopped.
    """

    def __init__(self, store: Store, tracking_uri: str, artifact_location: str | None = None) -> None:
        """Connect to the tracker, and create or find the experiment and the run of the study.

        Args:
            store: Store of the study.
            tracking_uri: Any tracking URI of MLflow, such as `sqlite:///runs/mlflow.db` or `http://host:5000`.
            artifact_location: URI for the artifacts of a new experiment; None selects the tracker's default.
        """
        self._store = store
        self._plan = store.plan()
        self._trials = {trial.digest: trial for trial in self._plan.trials}
        self._arms_with_files = {arm.name for arm in self._plan.arms[:MAX_RUNS_WITH_FILES]}
        self._results = RunningResults(self._plan)
        self._statuses: dict[str, FrontStatus] = {}
        self._tagged: dict[str, FrontStatus] = {}
        self._records: dict[str, TrialRecord] = {}
        self._runs = StudyRuns(tracking_uri, self._plan.name, delivery_id(store), artifact_location)
        self._study_run = self._runs.get("study", "") or self._create_study_run()
        # The run has ended if the study was interrupted, or finished before it was extended.
        self._runs.reopen(self._study_run)
        self._last_step = self._runs.last_step(self._study_run, "front.size")
        self._create_arm_runs()
        planned_at = next((segment.created_at for segment in self._plan.segments if segment.created_at), "")
        self._runs.tag_experiment(view_tags(self._runs.study_id, self._plan.objectives, milliseconds(planned_at)))

    @property
    def n_trials(self) -> int:
        """Number of trials whose results the tracker has."""
        return len(self._records)

    @property
    def n_arms(self) -> int:
        """Number of arms whose runs the tracker has."""
        return len(self._plan.arms)

    def sync(self, digests: Collection[str] | None = None) -> int:
        """Deliver new records, and update the metrics of their arms and of the study.

        Args:
            digests: Trials that were recorded since the last call; None for all that are in the store.

        Returns:
            Number of trials that the tracker did not have before.
        """
        if digests is None or not self._trials.keys() >= set(digests):
            self._read_plan()
        found = self._store.ledger() if digests is None else map(self._store.record, digests)
        planned = [record for record in found if record is not None and record.digest in self._trials]
        new = [record for record in planned if not self._has(record)]
        new.sort(key=lambda record: (record.finished_at, record.digest))
        points = [self._results.add(record) for record in new]
        self._statuses = self._results.statuses()
        n_delivered = 0
        for start in range(0, len(new), CHUNK):
            chunk = slice(start, start + CHUNK)
            n_delivered += sum(self._deliver_trial(record) for record in new[chunk])
            self._deliver_front(new[chunk], points[chunk])
        if new:
            self._correct_front()
            self._deliver_arms({self._trials[record.digest].arm for record in new})
        return n_delivered

    def finish(self, status: str) -> None:
        """Deliver the files of the report, and end the runs of the study with `FINISHED`, `FAILED` or `KILLED`."""
        with tempfile.TemporaryDirectory() as folder:
            for key in ARTIFACTS:
                if self._store.has(key):
                    path = Path(folder) / Path(key).name
                    path.write_bytes(self._store.get(key))
                    self._runs.add_file(self._study_run, path, str(Path(key).parent) if "/" in key else None)
        self._describe()
        self._deliver_common_clips()
        by_arm: dict[str, list[TrialRecord | None]] = {arm.name: [] for arm in self._plan.arms}
        for trial in self._plan.trials:
            by_arm[trial.arm].append(self._records.get(trial.digest))
        for arm, records in by_arm.items():
            done = [record for record in records if record is not None and record.has_ended]
            arm_status = "FINISHED" if all(record.outcome == "finished" for record in done) else "FAILED"
            self._runs.end(self._arm_run(arm), arm_status if len(done) == len(records) else status)
        self._runs.end(self._study_run, status)

    # ---------------------------------------------------------------------------------------------------- deliveries

    def _read_plan(self) -> None:
        """Read the plan again, and create the runs of arms that were proposed in the meantime."""
        plan = self._store.plan()
        if len(plan.segments) > len(self._plan.segments):
            self._plan = plan
            self._trials = {trial.digest: trial for trial in plan.trials}
            self._arms_with_files = {arm.name for arm in plan.arms[:MAX_RUNS_WITH_FILES]}
            self._results.grow(plan)
            self._create_arm_runs()

    def _create_study_run(self) -> TrackedRun:
        """Create the run of the study."""
        tags = {
            NOTE: self._plan.question,
            "code_version": (self._plan.code_versions or ("",))[0],
        }
        return self._runs.create("study", "", self._plan.name, tags)

    def _describe(self) -> None:
        """Make the report in short the description of the study."""
        if not self._store.has(DESCRIPTION_KEY):
            return
        text = self._store.get(DESCRIPTION_KEY).decode()
        folder = str(Path(DESCRIPTION_KEY).parent)
        note = with_artifact_links(text, folder, self._runs.experiment_id, self._study_run.run_id)
        self._runs.log(self._study_run, tags={NOTE: note})
        self._runs.tag_experiment({NOTE: note})

    def _create_arm_runs(self) -> None:
        """Create runs for arms that have none; a setting that differs between arms only now becomes a parameter."""
        factors = self._plan.factors()
        for arm in self._plan.arms:
            run = self._runs.get("arm", arm.name)
            if run is None:
                tags = {"is_baseline": text(arm.is_baseline)}
                run = self._runs.create("arm", arm.name, arm.name, tags, parent=self._study_run)
            self._runs.log(run, parameters=parameters(factors[arm.name]))

    def _arm_run(self, arm: str) -> TrackedRun:
        """The run of an arm of the plan."""
        run = self._runs.get("arm", arm)
        assert run is not None
        return run

    def _has(self, record: TrialRecord) -> bool:
        """Whether this attempt at a trial has been taken up."""
        known = self._records.get(record.digest)
        return known is not None and known.attempt == record.attempt

    def _deliver_trial(self, record: TrialRecord) -> bool:
        """Deliver parameters and metrics of a trial, and return whether the tracker lacked any of them."""
        trial = self._trials[record.digest]
        self._records[record.digest] = record
        run = self._runs.get("seed", record.digest)
        if run is not None and run.tags.get("attempt") != record.attempt:
            # Another attempt is committed now; its values must not be mixed with those of the earlier one.
            self._runs.delete("seed", record.digest)
            run = None
        if run is not None and run.has_ended:
            return False
        if run is None:
            tags = {ARM: trial.arm} | trial_tags(trial, record) | front_tags(self._statuses[trial.arm])
            run = self._runs.create(
                "seed",
                record.digest,
                f"{trial.arm} seed {trial.seed}",
                tags,
                parent=self._arm_run(trial.arm),
                started_ms=milliseconds(record.started_at),
            )
        self._runs.log(run, metrics=trial_metrics(record), parameters=parameters(record.config))
        self._deliver_files(run, record)
        self._runs.end(run, run_status(record), milliseconds(record.finished_at))
        return True

    def _deliver_files(self, run: TrackedRun, record: TrialRecord) -> None:
        """Deliver the figure of the curves of a finished trial, and its sounds if it represents its arm."""
        is_example = self._is_example(record)
        if record.outcome != "finished" or not (is_example or len(self._plan.trials) <= MAX_RUNS_WITH_FILES):
            return
        with tempfile.TemporaryDirectory() as folder:
            if write_trial_files(self._store, record, Path(folder), with_sounds=is_example):
                self._runs.add_files(run, Path(folder))

    def _is_example(self, record: TrialRecord) -> bool:
        """Whether a trial is the first finished one of its arm, and the arm is one of those with files."""
        if record.arm not in self._arms_with_files:
            return False
        for trial in self._plan.trials_of(record.arm):
            other = self._records.get(trial.digest)
            if other is not None and other.outcome == "finished":
                return trial.digest == record.digest
        return False

    def _deliver_front(self, records: Sequence[TrialRecord], points: Sequence[FrontPoint]) -> None:
        """Deliver the front after each trial that has ended, unless the tracker has it.

        Trials count in the order in which they ended, so the history is the same if the tracker was unavailable in the
        meantime.
        """
        pairs = [
            (record, point)
            for record, point in zip(records, points, strict=True)
            if record.has_ended and point.n_recorded > self._last_step
        ]
        rows = [row for record, point in pairs for row in front_metrics(point, record.finished_at)]
        self._runs.log(self._study_run, metrics=rows)
        self._last_step = max([self._last_step, *(point.n_recorded for _, point in pairs)])

    def _correct_front(self) -> None:
        """Deliver the current front again if it is no longer the one that the tracker has for this number of trials.

        This is the case after a failed trial has been repeated.
        """
        finished_at = max((record.finished_at for record in self._records.values() if record.has_ended), default="")
        if not finished_at:
            return
        rows = front_metrics(self._results.front_point(), finished_at)
        if any(self._study_run.metrics.get(row.key) != row.value for row in rows):
            self._runs.log(self._study_run, metrics=rows)

    def _deliver_common_clips(self) -> None:
        """Deliver the means of the report, which are over the clips on which all arms are compared.

        Until a study ends, each arm is averaged over its own clips, as reading those of all trials after each record
        would take too long. The rows have a later time at the same step, so the tracker shows them.
        """
        results = load_results(self._store)
        if not results.common:
            return
        self._statuses |= {arm.name: front_status(arm.name, arm.status, results.race) for arm in results.arms}
        for arm in results.arms:
            if arm.finished:
                self._deliver_arm(arm.name, arm, delay_ms=1)
        self._tag_moved()
        front, point = front_statistics(results), self._results.front_point()
        shown = replace(point, size=front.size, hypervolume=front.hypervolume, share=front.share)
        rows = front_metrics(shown, results.finished_at, delay_ms=1)
        if any(self._study_run.metrics.get(row.key) != row.value for row in rows):
            self._runs.log(self._study_run, metrics=rows)

    def _deliver_arms(self, arms: Collection[str]) -> None:
        """Deliver means and intervals of arms with new records, and the status of all arms relative to the front."""
        for arm in self._plan.arms:
            is_evaluated = self._statuses[arm.name] != "searched"
            has_changed = arm.name in arms and is_evaluated
            self._deliver_arm(arm.name, self._results.arm(arm.name) if has_changed else None)
        self._tag_moved()

    def _deliver_arm(self, name: str, result: ArmResult | None, delay_ms: int = 0) -> None:
        """Deliver the status of an arm, and means and intervals if they are given."""
        run = self._arm_run(name)
        tags, rows = front_tags(self._statuses[name]), []
        if result is not None:
            rows = arm_metrics(result, delay_ms)
            tags["without_effect"] = ", ".join(without_effect(result))
            tags["mlflow.runName"] = arm_run_name(result, self._plan.objectives)
        is_new = any(run.metrics.get(row.key) != row.value for row in rows)
        self._runs.log(run, metrics=rows if is_new else (), tags=tags)

    def _tag_moved(self) -> None:
        """Deliver the status of the arms of seed runs where it has changed."""
        moved = {arm for arm, status in self._statuses.items() if self._tagged.get(arm) != status}
        for digest in self._records:
            arm_name = self._trials[digest].arm
            if arm_name in moved and (seed_run := self._runs.get("seed", digest)):
                self._runs.log(seed_run, tags=front_tags(self._statuses[arm_name]))
        self._tagged = self._statuses
