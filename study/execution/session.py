"""Execution of a study from its plan to its report, shared by the commands launch, extend, resume and report.

The contents of the store determine which trials are left to run, so commands can be repeated.
"""

import shlex
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from core.errors import StudyError, StudyStoppedError
from core.settings.value_rules import listed, shown_text, shown_value
from core.storage.records import RERUN_ON_RESUME, PlannedTrial, StudyPlan, TrialRecord
from core.storage.roots import below, checked_root, is_uri, shown, without_credentials
from core.storage.store import Store, study_names
from core.storage.values import is_disk_full
from search_spaces.names import check_study_name
from study.execution.code_check import check_code_version
from study.execution.compute import Compute, compute_for
from study.execution.disk_space import DiskFullInterrupt, check_room, fullest_disk
from study.execution.interrupts import interrupts
from study.execution.lease import Lease, StudyRunningError, study_lease
from study.execution.outcomes import FAILURES, TrialLimits
from study.execution.ray_watch import end_without_ray, ray_watch
from study.execution.repair import repair
from study.execution.report_state import is_up_to_date, note_up_to_date, results_state
from study.execution.run_options import RunOptions
from study.execution.trial_queue import Budget, Idle, TrialQueue, open_trials
from study.planning.resources import Resources
from study.progress import StudyProgress, progress_of, show_progress
from study.tracking.tracker import Tracker, default_tracker

INTERRUPTED_WAIT_S = 10.0
"""Maximum time that an interrupted study waits for its tracker."""


class Interrupted(KeyboardInterrupt):
    """Raised if Ctrl-C or SIGTERM stops a study; trials that have ended have their records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A study in a root folder, with the operations that the commands perform on it."""

    root: str
    """Folder or URI of all studies."""
    name: str
    """Name of the study."""
    console: Console
    """Console for output of the commands."""
    store: Store = field(init=False)
    """Store of the study, derived from root and name."""

    def __post_init__(self) -> None:
        checked_root(self.root)
        check_study_name(self.name)
        object.__setattr__(self, "store", Store(below(self.root, self.name)))

    @property
    def resume_command(self) -> str:
        """The shell command that resumes the study."""
        root = "" if self.root == "runs" else f" --root {shlex.quote(without_credentials(self.root))}"
        return f"modstudy resume {shlex.quote(self.name)}{root}"

    @property
    def track_command(self) -> str:
        """The shell command that delivers the study to MLflow again."""
        return self.resume_command.replace("resume", "track", 1)

    def tracker_address(self, tracking_uri: str | None) -> tuple[str, str | None]:
        """Tracking URI and artifact location; those of a database in the root folder if no URI is given."""
        if tracking_uri is not None:
            return tracking_uri, None
        return default_tracker(Path("runs") if is_uri(self.root) else Path(self.root), self.name)

    def plan(self) -> StudyPlan:
        """The stored plan.

        Raises:
            StudyError: there is no study of this name in the root.
        """
        if not self.store.has_study:
            names = study_names(self.root)
            hint = f"studies there: {listed(names)}" if names else "there is none yet: modstudy launch STUDY"
            raise StudyError(f"there is no study {shown_value(self.name)} under {shown_text(shown(self.root))}; {hint}")
        return self.store.plan()

    def merged_plan(self, new: StudyPlan) -> StudyPlan:
        """The stored plan with the arms and seeds that a newly made plan adds; the new plan if none is stored.

        Raises:
            StudyError: the new plan changes or omits parts of the stored one.
        """
        # Planning imports torch, which commands that only look at a study need not wait for.
        from study.planning.growth import growth

        if not self.store.has_study:
            return new
        stored = self.store.plan()
        segment = growth(stored, new)
        return stored if segment is None else stored.with_segment(segment)

    def run(self, build_plan: Callable[[], StudyPlan], options: RunOptions) -> int:
        """Store new segments, run all stages of the study, write the report, and return the exit code of the command.

        Args:
            build_plan: Returns the plan to run, from what the store holds when it is called.
            options: Options of the command.

        Raises:
            StudyRunningError: another process runs the study.
            StudyError: the machine lacks resources, or the study was planned with another version of the code.
            StudyStoppedError: a disk is full.
            Interrupted: the study was stopped by Ctrl-C, SIGTERM or the end of its terminal.
        """
        checked_root(self.root, writes=True)
        with interrupts(), compute_for(options, self._say) as compute:
            plan = build_plan()
            remaining, _ = self._to_run(plan, options, compute)
            compute.check(self.root, self.store, plan, remaining)
            check_room(self.store, plan, remaining)
            with study_lease(self.store) as lease:
                repair(self.store, self.console, read_contents=options.verify)
                # Another driver may have extended the study since the check.
                return self._run(build_plan(), options, compute, lease)

    def _to_run(self, plan: StudyPlan, options: RunOptions, compute: Compute) -> tuple[list[PlannedTrial], Resources]:
        """The trials to run and their resources, after checks of both.

        Raises:
            StudyError: the machines lack resources, or the study was planned with another version of the code.
        """
        remaining = open_trials(self.store, plan, retry=options.retry)
        resources = compute.allocate(plan, options, has_trials=bool(remaining))
        if remaining:
            check_code_version(plan, allow_change=options.allow_code_change)
        return remaining, resources

    def _run(self, plan: StudyPlan, options: RunOptions, compute: Compute, lease: Lease) -> int:
        """Run the study under its lease, and return the exit code."""
        remaining, resources = self._to_run(plan, options, compute)
        self._store_plan(plan)
        if options.retry:
            self.store.reopen([trial.digest for trial in remaining])
        remaining = self._without_copies(remaining, options)
        progress = progress_of(plan, remaining, self.store.outcomes(), resources.trials_at_once)
        lease.progress = progress.snapshot
        uri = self.tracker_address(options.tracking_uri)[0]
        state = results_state(self.store, plan, uri)
        if not remaining and is_up_to_date(self.store, state) and self.is_complete(plan):
            self.console.print(
                f"All {progress.planned} trials of {escape(self.name)} are done, and its report is up to date: "
                f"{self.store.address('report/index.html')}",
                soft_wrap=True,
                highlight=False,
            )
            return 1 if any(progress.count(outcome) for outcome in FAILURES) else 0
        with self._tracker(options) as tracker:
            try:
                try:
                    is_complete = self._run_stages(
                        plan, remaining, resources, compute, progress, tracker.notify, options, lease
                    )
                finally:
                    compute.stop()
                lease.phase = "writing the report"
                self.store.compact()
                self.write_report()
            except KeyboardInterrupt as stopped:
                tracker.finish("KILLED", INTERRUPTED_WAIT_S)
                if isinstance(stopped, DiskFullInterrupt):
                    raise self._stopped(str(stopped)) from None
                if lease.lost_to is not None:
                    raise StudyRunningError(self.store, lease.lost_to) from None
                raise Interrupted(
                    f"stopped; {len(progress.outcomes)} of {progress.planned} trials have their results. "
                    f"Resume with: {self.resume_command}"
                ) from None
            except Exception as error:
                tracker.finish("FAILED", INTERRUPTED_WAIT_S)
                if is_disk_full(error):
                    raise self._stopped(fullest_disk(self.store)) from error
                raise
            n_bad = sum(progress.count(outcome) for outcome in FAILURES)
            status = ("FAILED" if n_bad else "FINISHED") if is_complete else "KILLED"
            if tracker_error := tracker.finish(status):
                self.console.print(
                    f"[yellow]{escape(tracker_error)}.[/] The study has its results; deliver them by: "
                    f"{self.track_command}",
                    highlight=False,
                )
            elif is_complete:
                plan = self.store.plan()
                note_up_to_date(self.store, results_state(self.store, plan, uri))
        return 1 if n_bad else 0

    def check_resources(self, plan: StudyPlan, options: RunOptions) -> Resources:
        """The resources of the trials of a plan, if they fit on the machines, without starting anything on this one.

        Raises:
            StudyError: they do not fit, or the cluster cannot be joined.
        """
        with compute_for(options, self._say) as compute:
            return compute.allocate(plan, options, has_trials=True)

    def _say(self, sentence: str) -> None:
        """Print a sentence for the user."""
        self.console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def report(self, options: RunOptions, within_percent: float | None = None) -> int:
        """Write the report of the trials with records (see `write_report`), deliver it, and return the exit code."""
        plan = self.plan()
        checked_root(self.root, writes=True)
        with self._tracker(options) as tracker:
            self.write_report(within_percent)
            if tracker_error := tracker.finish("FINISHED" if self.is_complete(plan) else "KILLED"):
                self.console.print(
                    f"[yellow]{escape(tracker_error)}.[/] Deliver it: {self.track_command}", highlight=False
                )
        return 0

    def is_complete(self, plan: StudyPlan) -> bool:
        """Whether all trials of the plan have records, and the strategies of the study propose no more arms."""
        from study.execution.stages import next_proposal

        return not open_trials(self.store, plan) and next_proposal(self.store, plan) is None

    def write_report(self, within_percent: float | None = None) -> None:
        """Write the files of the report, and print what it says in short; see `write_and_print`."""
        from study.execution.report_output import write_and_print

        write_and_print(self.store, self.root, self.console, within_percent)

    # ------------------------------------------------------------------------------------------------------------

    def _store_plan(self, plan: StudyPlan) -> None:
        """Store the definition and those segments of the plan that are not stored yet."""
        if not self.store.has_study:
            self.store.create_study(plan.definition)
        for segment in plan.segments[len(self.store.plan().segments) :]:
            self.store.append_segment(segment)

    def _without_copies(self, remaining: Sequence[PlannedTrial], options: RunOptions) -> list[PlannedTrial]:
        """Copy the results of trials that another study has finished, and return the trials that remain to be run."""
        from study.execution.reuse import copy_finished

        if not remaining or options.retry:
            return list(remaining)
        others = [Store(below(self.root, name)) for name in study_names(self.root) if name != self.name]
        for origin, count in copy_finished(self.store, self.name, remaining, others).items():
            self.console.print(
                f"{count} trial{'s' if count > 1 else ''} copied from study {escape(origin)}: "
                "same digests, same code, not trained again",
                highlight=False,
            )
        return [
            trial
            for trial in remaining
            if (record := self.store.record(trial.digest)) is None or record.outcome in RERUN_ON_RESUME
        ]

    def _tracker(self, options: RunOptions) -> Tracker:
        """The tracker of the given URI; by default a database in the root folder."""
        return Tracker(self.store, *self.tracker_address(options.tracking_uri))

    def _run_stages(
        self,
        plan: StudyPlan,
        remaining: Sequence[PlannedTrial],
        resources: Resources,
        compute: Compute,
        progress: StudyProgress,
        notify: Callable[[str], None],
        options: RunOptions,
        lease: Lease,
    ) -> bool:
        """Run the open trials, then those that strategies propose, until there are no more or the session must end.

        Returns:
            Whether the study is complete.
        """
        from study.execution.stages import stages_of

        stages = stages_of(self.store, plan)

        def grow(plan: StudyPlan, running: frozenset[str]) -> tuple[StudyPlan, Sequence[PlannedTrial]] | None:
            """Store what the strategies propose next, and return the trials of it that no other study has finished."""
            segment = stages.next_segment(plan, running) if stages else None
            if segment is None:
                return None
            self.store.append_segment(segment)
            plan = plan.with_segment(segment)
            progress.plan_more(segment.trials, plan)
            trials = self._without_copies(segment.trials, options)
            for trial in segment.trials:
                if record := self.store.record(trial.digest):
                    progress.finish(record)
                    notify(trial.digest)
            if trials and not running:
                self._announce(plan, len(trials), resources)
            compute.prepare(plan, trials, resources.trials_at_once)
            return plan, trials

        def on_record(record: TrialRecord) -> None:
            notify(record.digest)
            if record.outcome not in ("finished", "stopped", "cancelled"):
                lines = (record.error or "").strip().splitlines() or ["no reason is known"]
                self.console.print(
                    f"{record.arm} seed {record.seed} {record.outcome}: {lines[0]}",
                    style="red",
                    markup=False,
                    highlight=False,
                )

        if remaining:
            self._announce(plan, len(remaining), resources)
        budget = Budget(
            max_seconds=None if options.max_hours is None else 3600 * options.max_hours, max_trials=options.max_trials
        )
        queue = TrialQueue(plan, remaining, grow, budget=budget, stop=lease.stops_after_trials)
        if isinstance(queue.peek(), Idle):
            self.console.print(
                f"All {progress.planned} trials of {escape(self.name)} are done; writing the report again."
            )
            return True
        limits = TrialLimits(
            timeout_s=options.trial_timeout,
            early_stopping=stages.early_stopping if stages else None,
            max_steps=max(progress.max_steps.values()),
        )

        def end(death: str) -> None:
            done = f"{len(progress.outcomes)} of {progress.planned} trials have their results, which are safe"
            end_without_ray(death, f"{done}. Resume with: {self.resume_command}", lease, self.console)

        lease.phase = "starting Ray, preparing data and kernels"
        with ThreadPoolExecutor(1, "preparation") as executor:
            # Ray starts, and its workers import, while data and kernels are prepared.
            preparation = executor.submit(compute.prepare, queue.plan, remaining, resources.trials_at_once)
            executor.submit(import_module, "study.execution.runner")
            folder = compute.start(resources)
            with ray_watch(compute.death, end):
                preparation.result()
                from study.execution.runner import run_trials

                lease.phase = "training"
                with show_progress(progress, self.console):
                    run_trials(
                        self.store,
                        queue,
                        resources,
                        limits,
                        folder,
                        progress,
                        on_record,
                        holds_study=lambda: lease.lost_to is None,
                    )
        self.console.print(progress.headline(), highlight=False)
        if not queue.ends_early or self.is_complete(queue.plan):
            return True
        reason = "The budget of this session is spent" if queue.is_out_of_budget else "Stopped as requested"
        self.console.print(
            f"{reason}; {queue.n_waiting} planned trials have not run. Continue with: {escape(self.resume_command)}",
            highlight=False,
        )
        return False

    def _stopped(self, full: str) -> StudyStoppedError:
        """The error of a study that ran until a disk was full."""
        plan = self.store.plan()
        n_ended = len(plan.trials) - len(open_trials(self.store, plan))
        return StudyStoppedError(
            f"{full}; {n_ended} of {len(plan.trials)} trials have their results, which are safe. Free space there, and "
            f"go on with: {self.resume_command}"
        )

    def _announce(self, plan: StudyPlan, remaining: int, resources: Resources) -> None:
        """Print how many trials run, and with which resources."""
        done = len(plan.trials) - remaining
        shares = dict.fromkeys(str(resources.of(arm.name)) for arm in plan.arms)
        self.console.print(
            f"{escape(self.name)}: {remaining} trials to run{f', {done} done before' if done else ''}; "
            f"{resources.trials_at_once} at once, each with {' or '.join(shares)}",
            highlight=False,
        )
