"""Cost of the engine around the trainings: time, CPU and memory of the driver per trial, and time to the first step.

`python -m tests.benchmarks.engine` prints a table, in less than three minutes on two otherwise idle cores. Overhead is
measured with stub trials, two at a time, that run behind the same queue, runner, worker and store as real ones, and
write a record but train nothing; so all of their time counts, the writing of records included. The first step is that
of a real `modstudy launch` of a tiny study, with data and kernels in the cache.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from core.settings.dotted import flatten
from core.storage.records import MetricValues, PlannedTrial, StudyPlan, TrialRecord
from core.storage.store import Store
from study.execution.worker import clean_start
from tests.support.trained_study import LOW_PASS, study_text

N_TRIALS, N_WITH_TRACKER = 1200, 200
"""Numbers of stub trials without and with MLflow."""
FIRST = 30
"""Trials that are left out, because workers still import."""
MEMORY_FROM = 500
"""Trials after which the growth of memory is measured."""
WORKERS = 2
BEFORE = {"overhead": "0.305 s", "cpu": "292 ms", "memory": "67 kB", "launch": "11 s"}
"""What the engine needed before trials came from one queue, measured beside other work."""
GOAL = {"overhead": "0.08 s", "cpu": "15 ms", "memory": "flat", "launch": "5 s", "plan": "0.5 s"}


@dataclass(frozen=True, slots=True)
class Sample:
    """State of the driver when a trial has ended."""

    at_s: float
    cpu_s: float
    memory_kb: int


@dataclass(slots=True)
class Samples:
    """Samples of all trials in the order in which they ended."""

    samples: list[Sample] = field(default_factory=list)

    def take(self) -> None:
        """Take a sample now, at the end of a trial."""
        self.samples.append(Sample(time.perf_counter(), time.process_time(), resident_kb()))

    def overhead_s(self) -> float:
        """Time of a worker per trial."""
        first, last = self.samples[FIRST], self.samples[-1]
        return WORKERS * (last.at_s - first.at_s) / (len(self.samples) - 1 - FIRST)

    def cpu_ms(self) -> float:
        """CPU time of the driver per trial, all its threads together."""
        first, last = self.samples[FIRST], self.samples[-1]
        return 1000 * (last.cpu_s - first.cpu_s) / (len(self.samples) - 1 - FIRST)

    def memory_kb(self) -> float:
        """Growth of the memory of the driver per trial."""
        first, last = self.samples[MEMORY_FROM], self.samples[-1]
        return (last.memory_kb - first.memory_kb) / (len(self.samples) - 1 - MEMORY_FROM)


def stub_trial(config: dict[str, Any], *, root: str, study: str, timeout_s: float | None = None) -> None:
    """Takes the place of `run_planned_trial`: starts in the same way, and commits a record without training."""
    from ray import tune

    del timeout_s
    clean_start(1)
    task = json.loads(config["task"])
    trial = PlannedTrial(**task["trial"])
    attempt = Store(root).begin(trial.digest)
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    values: MetricValues = {
        "audio.mss": 1.0 + trial.seed % 7,
        "interpretability.tv": 1.0,
        "interpretability.range": 0.5,
    }
    record = TrialRecord(
        digest=trial.digest,
        study=study,
        arm=trial.arm,
        seed=trial.seed,
        attempt=attempt.name,
        outcome="finished",
        config=flatten(task["config"]),
        metrics=dict.fromkeys(trial.splits, values),
        history=({"step": 0.0, "validation_loss": 1.0, "elapsed_s": 0.0},),
        started_at=moment,
        finished_at=moment,
    )
    attempt.commit(record)
    tune.report({"step": 1, "outcome": "finished"})


def run_stubs(
    folder: Path, n_trials: int, *, with_tracker: bool, on_trial: Callable[[int], None] = lambda _: None
) -> Samples:
    """Run stub trials with the engine, and return samples of the driver.

    Args:
        folder: Folder of the store.
        n_trials: Number of trials.
        with_tracker: Whether they are delivered to MLflow.
        on_trial: Called with the number of trials that have ended, after each of them.
    """
    from study.execution import runner
    from study.execution.outcomes import TrialLimits
    from study.execution.ray_session import ray_session
    from study.execution.trial_queue import TrialQueue
    from study.execution.warm_workers import preloaded_workers
    from study.planning.resources import Machine, Resources, TrialResources
    from study.progress import StudyProgress, max_steps
    from study.tracking.tracker import Tracker, default_tracker

    plan = stub_plan(n_trials)
    store = Store(folder / plan.name)
    store.create_study(plan.definition)
    for segment in plan.segments:
        store.append_segment(segment)
    samples = Samples()

    resources = Resources(trials_at_once=WORKERS, default=TrialResources(cpus=1.0, gpus=0.0))
    progress = StudyProgress(
        planned=n_trials,
        trials_at_once=WORKERS,
        max_steps=max_steps(plan),
        waiting={trial.digest: trial for trial in plan.trials},
    )
    machine = Machine(cpus=WORKERS, gpus=0, memory_gib=math.inf)
    with (
        Tracker(store, *default_tracker(folder, plan.name)) if with_tracker else nullcontext() as tracker,
        patch.object(runner, "run_planned_trial", stub_trial),
        preloaded_workers(machine, resources),
        ray_session(machine, threads=1) as ray_folder,
    ):

        def on_record(record: TrialRecord) -> None:
            samples.take()
            if tracker:
                tracker.notify(record.digest)
            on_trial(len(samples.samples))

        queue = TrialQueue(plan, plan.trials, lambda *_: None)
        runner.run_trials(store, queue, resources, TrialLimits(), ray_folder, progress, on_record)
        if tracker and (problem := tracker.finish("FINISHED")):
            print(problem, file=sys.stderr)  # noqa: T201
    return samples


def wait_for_tracker(store: Store, folder: Path) -> None:
    """Wait until the tracker has made its database and the run of the study, so that it competes with all trials."""
    from study.tracking.delivery_id import ID_KEY

    while not store.has(ID_KEY) or not (folder / "mlflow.db").exists():
        time.sleep(0.1)


def stub_plan(n_trials: int) -> StudyPlan:
    """A plan of one arm with a seed for each trial."""
    from search_spaces.study_parsing import parse_study
    from study.planning.plan import make_plan

    settings = {
        "name": "stubs",
        "question": "What does a trial cost?",
        "seeds": list(range(n_trials)),
        "config": {"device": "cpu"},
        "arms": [{"name": "constant", "config": {"parameterization": {"kind": "constant"}}}],
    }
    return make_plan(parse_study(settings)).plan


def launch_to_first_step_s(folder: Path) -> float:
    """Seconds from the start of `modstudy launch` to the checkpoint after the first step, with warm caches."""
    (folder / "tiny.toml").write_text(study_text(LOW_PASS, checkpoint_every=1))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    first_step_s = 0.0
    for root in ("cold", "warm"):
        started = time.monotonic()
        command = [sys.executable, "-m", "study.cli", "launch", "tiny.toml", "--root", root]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, env=environment) as launch:
            while launch.poll() is None and not list((folder / root).glob("tiny/trials/*/*/*")):
                time.sleep(0.02)
            first_step_s = time.monotonic() - started
        if launch.returncode:
            raise RuntimeError(f"{' '.join(command)} failed")
    return first_step_s


def planning_s() -> float:
    """Processor time of a plan of 1,000 arms with 8 seeds."""
    from search_spaces.study_parsing import parse_study
    from study.planning.plan import make_plan

    settings = {
        "name": "large",
        "question": "?",
        "seeds": list(range(8)),
        "config": {"device": "cpu"},
        "space": [{"path": "trainer.max_steps", "values": list(range(1000))}],
    }
    start = time.process_time()
    make_plan(parse_study(settings))
    return time.process_time() - start


def resident_kb() -> int:
    """Resident memory of this process in kB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0])


def main() -> None:
    """Measure everything, and print the table."""
    with tempfile.TemporaryDirectory(prefix="modstudy-") as folder:
        launch_s = launch_to_first_step_s(Path(folder))
        alone = run_stubs(Path(folder) / "alone", N_TRIALS, with_tracker=False)
        tracked = run_stubs(Path(folder) / "tracked", N_WITH_TRACKER, with_tracker=True)
    table = Table("per trial", "before", "goal", "without MLflow", "with MLflow")
    table.add_row(
        "overhead", BEFORE["overhead"], GOAL["overhead"], f"{alone.overhead_s():.3f} s", f"{tracked.overhead_s():.3f} s"
    )
    table.add_row(
        "CPU of the driver", BEFORE["cpu"], GOAL["cpu"], f"{alone.cpu_ms():.0f} ms", f"{tracked.cpu_ms():.0f} ms"
    )
    table.add_row(
        f"memory of the driver, trials {MEMORY_FROM} to {N_TRIALS}",
        BEFORE["memory"],
        GOAL["memory"],
        f"{alone.memory_kb():.1f} kB",
        "",
    )
    table.add_row("CPU of a plan of 8,000 trials", "", GOAL["plan"], f"{planning_s():.2f} s", "")
    table.add_row("launch to first training step", BEFORE["launch"], GOAL["launch"], "", f"{launch_s:.1f} s")
    Console().print(table)


if __name__ == "__main__":
    main()
