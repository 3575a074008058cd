"""One study from its plan to its report, on the command line's behalf: launch, resume and report are one course.

What is there already decides what is left to do, so that a command can be typed twice.
"""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from core.errors import StudyError
from core.results import PlannedTrial, StudyPlan, TrialRecord
from core.store import PLAN_KEY, Store
from study.plan import differences
from study.progress import Standing, shown
from study.scheduling import Machine, Resources, allot, this_machine, wants_gpu
from study.tracking import Tracker, default_tracker

OUT_OF_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user asked of the machine."""

    trials_at_once: int | None = None
    cpus_per_trial: float | None = None
    gpus_per_trial: float | None = None
    tracking_uri: str | None = None
    allow_code_change: bool = False
    retry_failed: bool = False


class Interrupted(Exception):  # noqa: N818 - no error, but the user's wish
    """The study was stopped by Ctrl-C or SIGTERM; what has finished is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One study's folder, and the terminal."""

    root: str
    name: str
    console: Console

    @property
    def store(self) -> Store:
        return Store(f"{self.root.rstrip('/')}/{self.name}")

    @property
    def resume_command(self) -> str:
        root = "" if self.root == "runs" else f" --root {shlex.quote(self.root)}"
        return f"modstudy resume {shlex.quote(self.name)}{root}"

    def plan(self) -> StudyPlan:
        """
        Raises:
            StudyError: no study of this name was launched here.
        """
        if not self.store.has(PLAN_KEY):
            there = [name for name in Store(self.root).names("") if Store(f"{self.root}/{name}").has(PLAN_KEY)]
            known = f"studies there: {', '.join(there)}" if there else "there is none yet: modstudy launch STUDY"
            raise StudyError(f"there is no study {self.name!r} under {self.root}; {known}")
        return self.store.plan()

    def check_same(self, new: StudyPlan) -> StudyPlan:
        """The plan to go by: the one that is kept where there is one, else the new one.

        Raises:
            StudyError: another plan is kept under this name.
        """
        if not self.store.has(PLAN_KEY):
            return new
        old = self.store.plan()
        if different := differences(old, new):
            raise StudyError(
                f"study {self.name!r} exists under {self.root} with another plan ({'; '.join(different)}); "
                "choose another name: --name NAME"
            )
        return old

    def run(self, plan: StudyPlan, asked: Asked) -> int:
        """Run what is open, report, and give the exit code.

        Raises:
            StudyError: the machine lacks what was asked, or the code is not the one that began the study.
            Interrupted: Ctrl-C or SIGTERM.
        """
        from study.runner import open_trials

        store = self.store
        left = open_trials(store, plan, retry_failed=asked.retry_failed)
        machine = this_machine()
        resources = allot(
            machine,
            wants_gpu=wants_gpu(plan) and bool(left),
            trials_at_once=asked.trials_at_once,
            cpus_per_trial=asked.cpus_per_trial,
            gpus_per_trial=asked.gpus_per_trial,
        )
        if left:
            _check_code(plan, asked)
        if not store.has(PLAN_KEY):
            store.put_plan(plan)
        standing = self._standing(plan, left, resources)
        tracker = self._tracker(plan, asked)
        tracker.start()
        if left:
            self._announce(plan, len(left), resources)
            try:
                self._run_trials(plan, left, resources, machine, standing, tracker.notice)
            except KeyboardInterrupt:
                tracker.finish("KILLED", OUT_OF_PATIENCE_S)
                raise Interrupted(
                    f"stopped; {len(standing.outcomes)} of {standing.planned} trials are kept. "
                    f"Go on with: {self.resume_command}"
                ) from None
        else:
            self.console.print(f"All {standing.planned} trials of {escape(self.name)} are done; reporting anew.")
        self.write_report()
        bad = standing.count("failed") + len(standing.lost)
        if trouble := tracker.finish("FAILED" if bad else "FINISHED"):
            self.console.print(
                f"[yellow]{escape(trouble)}.[/] The study is whole: `modstudy report` delivers it again."
            )
        for digest, error in standing.lost.items():
            trial = next(trial for trial in plan.trials if trial.digest == digest)
            self.console.print(
                f"[red]{escape(trial.arm)} seed {trial.seed} has no result:[/] {escape(error)}; "
                f"try it again: {self.resume_command}"
            )
        return 1 if bad else 0

    def report(self, plan: StudyPlan, asked: Asked) -> int:
        """Write the report of what is there, and deliver it."""
        tracker = self._tracker(plan, asked)
        tracker.start()
        self.write_report()
        done = all(self.store.committed(trial.digest) for trial in plan.trials)
        if trouble := tracker.finish("FINISHED" if done else "KILLED"):
            self.console.print(f"[yellow]{escape(trouble)}.[/]")
        return 0

    def write_report(self) -> None:
        """The report's files, and its short form on the terminal."""
        from dashboards.analysis.study_results import load_results
        from dashboards.report import write_report
        from dashboards.tables import arm_table, front_text

        results = load_results(self.store)
        write_report(self.store)
        self.console.print()
        self.console.print(arm_table(results))
        self.console.print(front_text(results))
        self.console.print(f"\nReport: {self.store.root}/report/index.html", soft_wrap=True, highlight=False)

    # ------------------------------------------------------------------------------------------------------------

    def _standing(self, plan: StudyPlan, left: Sequence[PlannedTrial], resources: Resources) -> Standing:
        standing = Standing(planned=len(plan.trials), trials_at_once=resources.trials_at_once)
        standing.waiting |= {trial.digest: trial for trial in left}
        for trial in plan.trials:
            if trial.digest not in standing.waiting and (record := self.store.record(trial.digest)):
                standing.outcomes[trial.digest] = record.outcome
        return standing

    def _tracker(self, plan: StudyPlan, asked: Asked) -> Tracker:
        local = Path("runs") if "://" in self.root else Path(self.root)
        uri, artifacts = default_tracker(local, self.name)
        if asked.tracking_uri is not None:
            return Tracker(self.store, plan, asked.tracking_uri, None)
        return Tracker(self.store, plan, uri, artifacts)

    def _announce(self, plan: StudyPlan, left: int, resources: Resources) -> None:
        done = len(plan.trials) - left
        self.console.print(
            f"{escape(self.name)}: {left} trials to run{f', {done} done before' if done else ''}; "
            f"{resources.trials_at_once} at once, each with {resources.cpus_per_trial:g} CPUs"
            f"{f' and {resources.gpus_per_trial:g} GPUs' if resources.gpus_per_trial else ''}",
            highlight=False,
        )

    def _run_trials(
        self,
        plan: StudyPlan,
        left: Sequence[PlannedTrial],
        resources: Resources,
        machine: Machine,
        standing: Standing,
        notice: Callable[[], None],
    ) -> None:
        from study.runner import run_trials

        def on_record(record: TrialRecord) -> None:
            notice()
            if record.outcome != "finished":
                reason = record.error or "the loss ran away"
                self.console.print(
                    f"{record.arm} seed {record.seed} {record.outcome}: {reason.strip().splitlines()[0]}",
                    style="red",
                    markup=False,
                    highlight=False,
                )

        with shown(standing, self.console):
            run_trials(self.store, plan, left, resources, machine, standing, on_record)
        self.console.print(standing.headline(), highlight=False)


def _check_code(plan: StudyPlan, asked: Asked) -> None:
    from core.code_version import code_version

    now = code_version()
    if plan.code_version not in ("", now) and not asked.allow_code_change:
        raise StudyError(
            f"the study began with code {plan.code_version}, and this is {now}: its trials would not compare; "
            "go back to that code, or give --allow-code-change"
        )
