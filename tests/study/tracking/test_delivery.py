"""MLflow gets the whole study from the ledger, nested, and nothing twice."""

import pytest
from mlflow import MlflowClient

from core.storage.store import Store
from study.tracking.delivery import Delivery
from study.tracking.tracker import Tracker, default_tracker
from tests.support.tiny_study import commit

# MLflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def tracker_uri(tmp_path_factory):
    """One database for all tests here: making it takes seconds."""
    return default_tracker(tmp_path_factory.mktemp("mlflow"), "x")[0]


@pytest.fixture
def client(tracker_uri):
    return MlflowClient(tracking_uri=tracker_uri)


def runs_of(client, store):
    study_id = store.get("mlflow-id").decode()
    experiment = client.get_experiment_by_name("tiny").experiment_id
    found = client.search_runs([experiment], f"tags.`modstudy.study_id` = '{study_id}'")
    return {run.info.run_name: run for run in found}


def everything(client, store):
    return {
        name: (
            run.info.run_id,
            run.info.status,
            dict(run.data.params),
            dict(run.data.tags),
            sorted(
                (row.key, row.value, row.step, row.timestamp)
                for key in run.data.metrics
                for row in client.get_metric_history(run.info.run_id, key)
            ),
        )
        for name, run in runs_of(client, store).items()
    }


def deliver(store, plan, uri, tmp_path, status="FINISHED"):
    delivery = Delivery(store, plan, uri, (tmp_path / "artifacts").as_uri())
    delivery.sync()
    delivery.finish(status)


def test_a_study_is_delivered_nested_with_names_as_everywhere(store, plan, client, tracker_uri, tmp_path):
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    store.put("report/index.html", b"<html></html>")
    store.put("summary.json", b"{}")
    deliver(store, plan, tracker_uri, tmp_path)
    runs = runs_of(client, store)
    assert len(runs) == 1 + 3 + 6
    parent = {name: run.data.tags.get("mlflow.parentRunId") for name, run in runs.items()}
    for arm in ("lpf-8", "frame", "constant"):
        assert parent[arm] == runs["tiny"].info.run_id
        for seed in (0, 1):
            assert parent[f"{arm} seed {seed}"] == runs[arm].info.run_id
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


def test_delivering_twice_is_delivering_once(store, plan, client, tracker_uri, tmp_path):
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    deliver(store, plan, tracker_uri, tmp_path)
    once = everything(client, store)
    deliver(store, plan, tracker_uri, tmp_path)
    assert everything(client, store) == once


def test_a_tracker_that_was_away_gets_the_same_as_one_that_was_there(store, plan, client, tracker_uri, tmp_path):
    delivery = Delivery(store, plan, tracker_uri, (tmp_path / "artifacts").as_uri())
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
        if minute in (0, 1, 4):
            delivery.sync()
    deliver(store, plan, tracker_uri, tmp_path)
    piecewise = runs_of(client, store)["tiny"]
    late = Store(tmp_path / "late")
    late.put_plan(plan)
    for minute, trial in enumerate(plan.trials):
        commit(late, trial, minute)
    deliver(late, plan, tracker_uri, tmp_path)
    at_once = runs_of(client, late)["tiny"]
    for name in ("front.size", "front.hypervolume", "trials.finished"):
        rows = [
            [(row.step, row.value, row.timestamp) for row in client.get_metric_history(run.info.run_id, name)]
            for run in (piecewise, at_once)
        ]
        assert rows[0] == rows[1]


def test_an_interrupted_delivery_is_taken_up_in_the_same_runs(store, plan, client, tracker_uri, tmp_path):
    for minute, trial in enumerate(plan.trials[:2]):
        commit(store, trial, minute)
    deliver(store, plan, tracker_uri, tmp_path, "KILLED")
    before = {name: run.info.run_id for name, run in runs_of(client, store).items()}
    assert runs_of(client, store)["tiny"].info.status == "KILLED"
    for minute, trial in enumerate(plan.trials[2:], start=2):
        commit(store, trial, minute)
    deliver(store, plan, tracker_uri, tmp_path)
    after = {name: run.info.run_id for name, run in runs_of(client, store).items()}
    assert before.items() <= after.items()
    assert len(after) == 10


def test_another_attempt_replaces_the_numbers_of_the_one_before(store, plan, client, tracker_uri, tmp_path):
    trial = plan.trials[0]
    commit(store, trial)
    deliver(store, plan, tracker_uri, tmp_path)
    commit(store, trial, minute=5, metrics={"test": {"audio.mss": 0.25}, "validation": {}})
    deliver(store, plan, tracker_uri, tmp_path)
    run = runs_of(client, store)["lpf-8 seed 0"]
    assert [row.value for row in client.get_metric_history(run.info.run_id, "audio.mss")] == [0.25]


def test_failures_and_long_values_are_delivered_with_care(store, plan, client, tracker_uri, tmp_path):
    commit(store, plan.trials[0], outcome="failed", error="OSError: no\n" + "x" * 9000, metrics={}, history=())
    commit(store, plan.trials[1], config={"encoder.dilations": list(range(4000))})
    deliver(store, plan, tracker_uri, tmp_path, "FAILED")
    runs = runs_of(client, store)
    assert runs["lpf-8 seed 0"].info.status == runs["lpf-8"].info.status == "FAILED"
    assert runs["lpf-8 seed 0"].data.tags["error"].startswith("OSError: no")
    cut = runs["frame seed 0"].data
    assert len(cut.params["encoder.dilations"]) <= 6000
    assert cut.params["encoder.dilations"].endswith("(cut; the ledger has it whole)")
    assert cut.tags["cut_params"] == "encoder.dilations"


def test_a_study_made_anew_under_an_old_name_is_another_one(store, plan, client, tracker_uri, tmp_path):
    commit(store, plan.trials[0])
    deliver(store, plan, tracker_uri, tmp_path)
    anew = Store(tmp_path / "anew")
    anew.put_plan(plan)
    commit(anew, plan.trials[0])
    deliver(anew, plan, tracker_uri, tmp_path)
    assert runs_of(client, store)["tiny"].info.run_id != runs_of(client, anew)["tiny"].info.run_id


def test_the_thread_delivers_what_is_committed_while_it_runs(store, plan, client, tracker_uri, tmp_path):
    tracker = Tracker(store, plan, tracker_uri, (tmp_path / "artifacts").as_uri())
    tracker.start()
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
        tracker.notice()
    assert tracker.finish("FINISHED") is None
    assert len(runs_of(client, store)) == 10


def test_a_dead_tracker_is_a_remark_and_nothing_more(store, plan, monkeypatch):
    for name, value in (("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0"), ("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")):
        monkeypatch.setenv(name, value)
    tracker = Tracker(store, plan, "http://127.0.0.1:9", None)
    tracker.start()
    tracker.notice()
    assert "MLflow at http://127.0.0.1:9 took no delivery" in (tracker.finish("FINISHED") or "")
