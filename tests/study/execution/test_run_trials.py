"""Trials with real workers: workers live on across rounds, rules stop trials, and stuck workers are killed."""

import io
import os
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Self

import pytest
from rich.console import Console

from core.storage.records import StudyPlan
from study.execution import runner, trial_events
from study.execution import session as session_module
from study.execution.run_options import RunOptions
from study.execution.session import Session
from study.execution.trial_events import TrialEvents
from tests.support.processes import command_line_of, descendants_of, wait_until
from tests.support.tiny_study import TINY, tiny_plan

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

TRAINER = {"max_steps": 4, "batch_size": 2, "validate_every": 2, "checkpoint_every": 2}
LOW_PASS = TINY["arms"][:1]
LEARNING_RATE = {"path": "optimizer.lr", "low": 1e-4, "high": 1e-1, "log": True}
PATIENCE_S = 240
Ended = list[tuple[int, str]]
"""Process id of the worker and stage of each trial that a worker has ended, in order."""


class NoTracker:
    """Takes the place of MLflow."""

    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def notify(self, digest: str) -> None:
        """Nothing to deliver."""

    def finish(self, status: str, max_wait_s: float = 0.0) -> str | None:
        del status, max_wait_s
        return None


@pytest.fixture(autouse=True)
def ended(monkeypatch: pytest.MonkeyPatch) -> Ended:
    found: Ended = []
    original = TrialEvents.on_trial_complete

    def on_trial_complete(self: TrialEvents, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        found.append((int(trial.last_result["pid"]), self._running[trial.trial_id].trial.stage))
        original(self, iteration, trials, trial, **info)

    monkeypatch.setattr(TrialEvents, "on_trial_complete", on_trial_complete)
    monkeypatch.setattr(session_module, "Tracker", NoTracker)
    return found


def search(**changes: Any) -> dict[str, Any]:
    return {"sampler": {"kind": "random"}, "space": [LEARNING_RATE], **changes}


def small_plan(trainer: dict[str, Any] = TRAINER, **changes: Any) -> StudyPlan:
    encoder = {"width": 4, "dilations": [1, 2], "n_mels": 16, "head_hidden": 4}
    return tiny_plan(config={**TINY["config"], "encoder": encoder, "trainer": {**TRAINER, **trainer}}, **changes)


def run(folder: Path, plan: StudyPlan, **options: Any) -> tuple[int, Session]:
    session = Session(root=str(folder), name=plan.name, console=Console(file=io.StringIO(), width=200))
    return session.run(lambda: plan, RunOptions(**options)), session


def test_workers_live_on_across_rounds(tmp_path: Path, ended: Ended) -> None:
    plan = small_plan(arms=LOW_PASS, search=search(arms_per_cell=4, round_size=2), confirm={"max_arms": 1})
    code, session = run(tmp_path, plan)
    assert code == 0
    assert Counter(stage for _, stage in ended) == {"design": 2, "search": 8, "confirm": 2}
    assert len({worker for worker, _ in ended}) == 2
    assert [segment.stage for segment in session.store.plan().segments] == ["design", "search", "search", "confirm"]
    assert {record.outcome for record in session.store.ledger()} == {"finished"}


def test_a_successive_tuner_goes_on_with_the_queue(
    tmp_path: Path, ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "TRIALS_PER_TUNER", 3)
    code, session = run(tmp_path, small_plan(arms=LOW_PASS, seeds=[0, 1, 2, 3]))
    assert code == 0
    assert len(ended) == 4
    assert len(list(session.store.ledger())) == 4


@pytest.mark.parametrize("rule", [{"kind": "asha", "reduction_factor": 2}, {"kind": "median", "min_trials": 2}])
def test_a_rule_stops_trials_of_the_search_alone(tmp_path: Path, ended: Ended, rule: dict[str, Any]) -> None:
    plan = small_plan(
        trainer={"max_steps": 12},
        arms=LOW_PASS,
        search=search(arms_per_cell=5, round_size=5),
        confirm={"max_arms": 1},
        early_stopping={**rule, "grace_steps": 2},
    )
    code, session = run(tmp_path, plan)
    assert code == 0
    records = list(session.store.ledger())
    outcomes = Counter((record.stage, record.outcome) for record in records)
    assert outcomes["design", "finished"] == 2
    assert outcomes["search", "stopped"] + outcomes["search", "finished"] == 10
    assert outcomes["search", "stopped"] >= 2
    assert outcomes["search", "finished"] >= 1
    for record in records:
        if record.outcome == "stopped":
            assert record.metrics == {}
            assert 2 <= record.steps < 12
            assert [entry["step"] for entry in record.history] == list(range(0, record.steps + 1, 2))
    assert len({worker for worker, _ in ended}) <= 2, "workers go on after they were stopped"
    assert not list(tmp_path.glob("*/trials/*/*/checkpoint-*"))


def test_a_worker_that_hangs_is_killed_when_its_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_events, "STUCK_AFTER_S", 2.0)

    def hang() -> None:
        """Stop the worker of the first trial when it has written a checkpoint."""
        wait_until(lambda: list(tmp_path.glob("*/trials/*/*/checkpoint-*")), "a checkpoint", patience_s=PATIENCE_S)
        for process in descendants_of(os.getpid()):
            if b"ImplicitFunc" in command_line_of(process):
                os.kill(process, signal.SIGSTOP)
                hung.append(process)

    hung: list[int] = []
    thread = threading.Thread(target=hang)
    thread.start()
    plan = small_plan(trainer={"max_steps": 100_000}, arms=LOW_PASS, seeds=[0])
    code, session = run(tmp_path, plan, trial_timeout=20.0, trials_at_once=1)
    thread.join()
    assert len(hung) == 1
    assert code == 1
    (record,) = session.store.ledger()
    assert record.outcome == "timed_out"
    assert record.error == "its worker did not react within 2 s after the trial had taken 20 s, and was killed"
