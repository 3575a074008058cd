"""Deliveries that are interrupted, repeated or given odd values lose nothing, and nothing comes twice."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from core.storage.records import StudyPlan
from core.storage.store import Store
from tests.support.deliveries import Open, deliver, expected_parents, rows_of
from tests.support.mlflow_runs import experiment_of, name_of, runs_of, study_id
from tests.support.tiny_study import commit, create_study

# MLflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_an_interrupted_delivery_goes_on_in_the_same_runs(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    for minute, trial in enumerate(plan.trials[:2]):
        commit(store, trial, minute)
    deliver(opened, store, "KILLED")
    before = {name: run.info.run_id for name, run in runs_of(client, store).items()}
    assert runs_of(client, store)["tiny"].info.status == "KILLED"
    for minute, trial in enumerate(plan.trials[2:], start=2):
        commit(store, trial, minute)
    deliver(opened, store)
    after = {name: run.info.run_id for name, run in runs_of(client, store).items()}
    assert before.items() <= after.items()
    assert len(after) == 10


class Killed(BaseException):
    """Ends a delivery as a signal would."""


@pytest.mark.parametrize("n_requests", [1, 3, 9, 10, 11, 20, 30])
def test_a_delivery_that_was_killed_is_continued_without_loss_or_duplicates(
    store: Store, plan: StudyPlan, opened: Open, client: MlflowClient, n_requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delivery ends after any number of its requests, and another one delivers the rest."""
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    monkeypatch.setattr("study.tracking.delivery.CHUNK", 2)
    left = n_requests

    def counted(request: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return request(*arguments, **options)

        return call

    with monkeypatch.context() as patched:
        for name in ("create_run", "log_batch", "set_terminated", "log_artifact", "set_experiment_tag"):
            patched.setattr(MlflowClient, name, counted(getattr(MlflowClient, name)))
        with suppress(Killed):
            deliver(opened, store)
    deliver(opened, store)
    runs = client.search_runs([experiment_of(client, "tiny")], f"tags.`modstudy.study_id` = '{study_id(store)}'")
    assert sorted(map(name_of, runs)) == sorted(expected_parents(plan))
    assert {run.info.status for run in runs} == {"FINISHED"}
    by_name = runs_of(client, store)
    sizes = rows_of(client, by_name["tiny"], "front.size")
    assert [step for step, _, _ in sizes] == [1, 2, 3, 4, 5, 6]
    for trial in plan.trials:
        run = by_name[f"{trial.arm} seed {trial.seed}"]
        assert {step for step, _, _ in rows_of(client, run, "validation_loss")} == {0, 2}
        assert run.data.params["seed"] == str(trial.seed)
    assert by_name["lpf-8"].data.metrics["audio.mss"] == pytest.approx(1.05)
    assert by_name["lpf-8"].data.params == {"parameterization.kind": "low_pass", "parameterization.cutoff_hz": "8.0"}


def test_a_run_that_was_made_twice_is_left_once(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    """A tracker made a run, and its answer was lost; so did another one before it, which was completed."""
    commit(store, plan.trials[0])
    deliver(opened, store)
    runs = runs_of(client, store)
    for name in ("tiny", "lpf-8 seed 0"):
        client.create_run(runs[name].info.experiment_id, tags=dict(runs[name].data.tags), run_name=name)
    deliver(opened, store)
    found = client.search_runs([experiment_of(client, "tiny")], f"tags.`modstudy.study_id` = '{study_id(store)}'")
    assert len(found) == 1 + 3 + 1
    assert {name: run.info.run_id for name, run in runs_of(client, store).items()} == {
        name: run.info.run_id for name, run in runs.items()
    }


def test_the_front_follows_a_failed_trial_that_was_repeated(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    for minute, trial in enumerate(plan.trials):
        outcome = "failed" if trial.arm == "frame" else "finished"
        commit(store, trial, minute, outcome=outcome, **({"metrics": {}} if outcome == "failed" else {}))
    deliver(opened, store, "FAILED")
    before = runs_of(client, store)["tiny"].data.metrics
    assert (before["front.size"], before["trials.finished"], before["trials.failed"]) == (1, 4, 2)
    for minute, trial in enumerate(plan.trials_of("frame"), start=10):
        commit(store, trial, minute)
    for _ in range(2):
        deliver(opened, store)
    run = runs_of(client, store)["tiny"]
    assert (run.data.metrics["front.size"], run.data.metrics["trials.failed"]) == (2, 0)
    assert [step for step, _, _ in rows_of(client, run, "front.size")] == [1, 2, 3, 4, 5, 6, 6]


def test_three_requests_deliver_a_trial_and_three_an_arm(
    store: Store, plan: StudyPlan, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request is a transaction of its own, which is most of what a trial costs."""
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    requests: Counter[str] = Counter()

    def counted(name: str, request: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            requests[name] += 1
            return request(*arguments, **options)

        return call

    for name in ("create_run", "log_batch", "update_run", "set_tag", "log_metric", "log_param", "set_terminated"):
        monkeypatch.setattr(MlflowClient, name, counted(name, getattr(MlflowClient, name)))
    deliver(opened, store)
    study_run, arms, trials = 1, len(plan.arms), len(plan.trials)
    chunks_of_the_front, parameters_of_arms, means_of_arms = 1, arms, arms
    assert requests == {
        "create_run": study_run + arms + trials,
        "log_batch": chunks_of_the_front + parameters_of_arms + means_of_arms + trials,
        "set_terminated": study_run + arms + trials,
    }


def test_a_delivery_of_nothing_new_sends_nothing(
    store: Store, plan: StudyPlan, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    delivery = opened(store)
    delivery.sync()
    for name in ("create_run", "log_batch", "set_terminated"):
        monkeypatch.setattr(MlflowClient, name, None)
    assert delivery.sync() == delivery.sync([trial.digest for trial in plan.trials]) == 0
    assert delivery.n_trials == 6


def test_another_attempt_replaces_the_numbers_of_the_one_before(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    trial = plan.trials[0]
    commit(store, trial)
    deliver(opened, store)
    commit(store, trial, minute=5, metrics={"test": {"audio.mss": 0.25}, "validation": {}})
    deliver(opened, store)
    run = runs_of(client, store)["lpf-8 seed 0"]
    assert [row.value for row in client.get_metric_history(run.info.run_id, "audio.mss")] == [0.25]


def test_failures_and_long_values_are_delivered_with_care(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    commit(store, plan.trials[0], outcome="failed", error="OSError: no\n" + "x" * 9000, metrics={}, history=())
    commit(store, plan.trials[1], config={"encoder.dilations": list(range(4000))})
    deliver(opened, store, "FAILED")
    runs = runs_of(client, store)
    assert runs["lpf-8 seed 0"].info.status == runs["lpf-8"].info.status == "FAILED"
    assert runs["lpf-8 seed 0"].data.tags["error"].startswith("OSError: no")
    cut = runs["frame seed 0"].data
    assert len(cut.params["encoder.dilations"]) <= 6000
    assert cut.params["encoder.dilations"].endswith("(cut; the full text is in the study's record)")
    assert cut.tags["cut_params"] == "encoder.dilations"


def test_a_study_made_again_under_an_old_name_is_another_one(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open, tmp_path: Path
) -> None:
    commit(store, plan.trials[0])
    deliver(opened, store)
    anew = create_study(tmp_path / "anew", plan)
    commit(anew, plan.trials[0])
    deliver(opened, anew)
    assert runs_of(client, store)["tiny"].info.run_id != runs_of(client, anew)["tiny"].info.run_id


def test_a_plan_without_a_code_version_is_delivered_too(
    plan: StudyPlan, client: MlflowClient, opened: Open, tmp_path: Path
) -> None:
    (segment,) = plan.segments
    store = create_study(tmp_path / "old", replace(plan, segments=(replace(segment, code_version=""),)))
    commit(store, plan.trials[0])
    deliver(opened, store)
    assert runs_of(client, store)["tiny"].data.tags["code_version"] == ""
