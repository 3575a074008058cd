"""MLflow gets the whole study from the ledger, nested, and nothing twice."""

from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from core.storage.records import StudyPlan
from core.storage.store import Store
from search_spaces.strategy import Arm, Round
from study.planning.growth import growth
from study.planning.plan import Planner
from tests.support.deliveries import Open, deliver, expected_parents, rows_of
from tests.support.mlflow_runs import runs_of
from tests.support.tiny_study import ARMS, SEARCH, commit, create_study, tiny_plan, tiny_study

# MLflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def everything(client: MlflowClient, store: Store) -> dict[str, tuple[Any, ...]]:
    return {
        name: (
            run.info.run_id,
            run.info.status,
            dict(run.data.params),
            dict(run.data.tags),
            {metric: rows_of(client, run, metric) for metric in run.data.metrics},
        )
        for name, run in runs_of(client, store).items()
    }


def parents(runs: dict[str, Run]) -> dict[str, str | None]:
    """The name of the run that each run is nested in."""
    names = {run.info.run_id: name for name, run in runs.items()}
    return {name: names.get(run.data.tags.get("mlflow.parentRunId")) for name, run in runs.items()}


def test_a_study_is_delivered_nested_with_names_as_everywhere(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    store.put("report/index.html", b"<html></html>")
    store.put("summary.json", b"{}")
    deliver(opened, store)
    runs = runs_of(client, store)
    assert len(runs) == 1 + 3 + 6
    assert parents(runs) == expected_parents(plan)
    seed_run = runs["lpf-8 seed 1"]
    assert seed_run.data.params["parameterization.cutoff_hz"] == "8.0"
    assert seed_run.data.metrics["audio.mss"] == seed_run.data.metrics["validation.audio.mss"] == 1.1
    assert "curves.l1" not in seed_run.data.metrics
    losses = client.get_metric_history(seed_run.info.run_id, "validation_loss")
    assert [(row.step, row.value) for row in losses] == [(0, 2.5), (2, 1.5)]
    assert {"digest", "git_commit", "host", "on_front"} <= set(seed_run.data.tags)
    assert runs["frame"].data.tags["on_front"] == "true"
    assert runs["constant"].data.tags["on_front"] == "false"
    assert runs["lpf-8"].data.metrics["audio.mss"] == pytest.approx(1.05)
    assert runs["lpf-8"].data.metrics["audio.mss.lo"] < 1.05 < runs["lpf-8"].data.metrics["audio.mss.hi"]
    sizes = client.get_metric_history(runs["tiny"].info.run_id, "front.size")
    assert [row.step for row in sizes] == [1, 2, 3, 4, 5, 6]
    assert sizes[0].value == 1
    assert {file.path for file in client.list_artifacts(runs["tiny"].info.run_id)} == {"report", "summary.json"}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_the_place_of_an_arm_at_the_front_is_a_tag_of_it_and_its_seeds(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    for trial in plan.trials:
        commit(store, trial)
    deliver(opened, store)
    runs = runs_of(client, store)
    statuses = {"lpf-8": "front", "frame": "front", "constant": "baseline"}
    for arm, status in statuses.items():
        for name in (arm, f"{arm} seed 0", f"{arm} seed 1"):
            tags = runs[name].data.tags
            assert (tags["front_status"], tags["on_front"]) == (status, "true" if status == "front" else "false")
            assert "standing" not in tags


def test_a_copied_trial_names_the_study_that_trained_it(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    commit(store, plan.trials[0], copied_from="first")
    commit(store, plan.trials[1])
    deliver(opened, store)
    runs = runs_of(client, store)
    assert runs["lpf-8 seed 0"].data.tags["copied_from"] == "first"
    assert runs["frame seed 0"].data.tags["copied_from"] == ""


def test_delivering_twice_is_delivering_once(store: Store, plan: StudyPlan, client: MlflowClient, opened: Open) -> None:
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    deliver(opened, store)
    once = everything(client, store)
    deliver(opened, store)
    assert everything(client, store) == once


def test_a_tracker_that_was_away_gets_the_same_as_one_that_was_there(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open, tmp_path: Path
) -> None:
    delivery = opened(store)
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
        if minute in (0, 1, 4):
            delivery.sync()
    deliver(opened, store)
    late = create_study(tmp_path / "late", plan)
    for minute, trial in enumerate(plan.trials):
        commit(late, trial, minute)
    deliver(opened, late)
    piecewise, at_once = (runs_of(client, each)["tiny"] for each in (store, late))
    for metric in ("front.size", "front.hypervolume", "front.share", "trials.finished", "trials.failed"):
        assert rows_of(client, piecewise, metric) == rows_of(client, at_once, metric)


def test_a_cancelled_trial_is_a_killed_run_until_a_resume_has_run_it_again(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open, tmp_path: Path
) -> None:
    first, second, third, *rest = plan.trials
    for minute, trial in enumerate((first, second)):
        commit(store, trial, minute)
    commit(store, third, 2, outcome="cancelled", error="the study was stopped at step 3", metrics={})
    deliver(opened, store, "KILLED")
    runs = runs_of(client, store)
    cancelled = runs["constant seed 0"]
    assert cancelled.info.status == "KILLED"
    assert cancelled.data.tags["outcome"] == "cancelled"
    assert cancelled.data.tags["error"] == "the study was stopped at step 3"
    assert runs["constant"].info.status == "KILLED"
    assert [step for step, _, _ in rows_of(client, runs["tiny"], "front.size")] == [1, 2]
    assert runs["tiny"].data.metrics["trials.failed"] == 0
    for minute, trial in enumerate((third, *rest), start=3):
        commit(store, trial, minute)
    deliver(opened, store)
    undisturbed = create_study(tmp_path / "undisturbed", plan)
    for minute, trial in enumerate((first, second, third, *rest)):
        commit(undisturbed, trial, minute + (minute >= 2))
    deliver(opened, undisturbed)
    resumed, other = runs_of(client, store), runs_of(client, undisturbed)
    assert {run.info.status for run in resumed.values()} == {"FINISHED"}
    assert resumed.keys() == other.keys()
    for metric in ("front.size", "front.hypervolume", "trials.finished", "trials.failed"):
        assert rows_of(client, resumed["tiny"], metric) == rows_of(client, other["tiny"], metric)


def test_a_study_that_was_stopped_in_its_first_trial_has_no_front_yet(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    commit(store, plan.trials[0], outcome="cancelled", metrics={})
    deliver(opened, store, "KILLED")
    runs = runs_of(client, store)
    assert runs["lpf-8 seed 0"].info.status == "KILLED"
    assert runs["tiny"].data.metrics == {}


# -------------------------------------------------------------------------------------------------------------- growth


def test_arms_and_seeds_that_a_study_grows_by_join_its_runs(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    delivery = opened(store)
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    delivery.sync()
    before = {name: run.info.run_id for name, run in runs_of(client, store).items()}
    spline = {"name": "spline", "config": {"parameterization": {"kind": "spline"}}}
    segment = growth(plan, tiny_plan(arms=[*ARMS, spline], seeds=[0, 1, 2]))
    assert segment is not None
    store.append_segment(segment)
    for minute, trial in enumerate(segment.trials, start=10):
        commit(store, trial, minute)
    delivery.sync()
    delivery.finish("FINISHED")
    runs = runs_of(client, store)
    grown = store.plan()
    assert len(runs) == 1 + 4 + 12
    assert parents(runs) == expected_parents(grown)
    assert before.items() <= {name: run.info.run_id for name, run in runs.items()}.items()
    assert runs["spline"].data.params == {"parameterization.kind": "spline"}
    assert [step for step, _, _ in rows_of(client, runs["tiny"], "front.size")] == list(range(1, 13))
    counts = [row.step for row in client.get_metric_history(runs["lpf-8"].info.run_id, "audio.mss")]
    assert counts == [2, 3]
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_a_grown_study_ends_alike_however_its_deliveries_were_spread(
    client: MlflowClient, opened: Open, tmp_path: Path
) -> None:
    """Rounds of a search, delivered one by one and all at once; only the means of arms have a row per delivery."""
    study, plan = tiny_study(search=SEARCH), tiny_plan(search=SEARCH)
    stores = [create_study(tmp_path / name, plan) for name in ("spread", "late")]
    delivery = opened(stores[0])
    minute = 0
    for number in range(3):
        if number > 0:
            arm = Arm(f"search-{number - 1:03d}", {"optimizer.lr": number / 100})
            proposal = Round(stage="confirm", arms=(arm,), trials=((arm.name, 0), (arm.name, 1)))
            segment = Planner(study).segment(proposal, plan)
            plan = plan.with_segment(segment)
            for store in stores:
                store.append_segment(segment)
        for trial in plan.segments[-1].trials:
            minute += 1
            for store in stores:
                commit(store, trial, minute)
        delivery.sync()
    delivery.finish("FINISHED")
    deliver(opened, stores[1])
    spread, at_once = (runs_of(client, store) for store in stores)
    assert parents(spread) == parents(at_once) == expected_parents(plan)
    for name, run in at_once.items():
        other = spread[name]
        assert dict(other.data.metrics) == dict(run.data.metrics)
        assert other.data.tags.get("front_status") == run.data.tags.get("front_status")
        assert other.info.status == run.info.status
    for metric in ("front.size", "front.hypervolume", "trials.finished"):
        assert rows_of(client, spread["tiny"], metric) == rows_of(client, at_once["tiny"], metric)


def test_an_arm_that_grew_and_is_not_done_does_not_end_as_finished(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    for trial in plan.trials:
        commit(store, trial)
    delivery = opened(store)
    delivery.sync()
    segment = growth(plan, tiny_plan(seeds=[0, 1, 2]))
    assert segment is not None
    store.append_segment(segment)
    commit(store, segment.trials[0], minute=10)
    delivery.sync()
    delivery.finish("KILLED")
    statuses = {name: run.info.status for name, run in runs_of(client, store).items()}
    assert (statuses["lpf-8"], statuses["frame"], statuses["tiny"]) == ("FINISHED", "KILLED", "KILLED")
