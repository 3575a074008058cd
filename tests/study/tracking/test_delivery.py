"""MLflow gets the whole study from the ledger, nested, and nothing twice."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
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
from study.tracking.delivery import Delivery
from study.tracking.tracker import default_tracker
from tests.support.mlflow_runs import experiment_of, runs_of, study_id
from tests.support.tiny_study import ARMS, SEARCH, commit, create_study, tiny_plan, tiny_study

# MLflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

Open = Callable[[Store], Delivery]
"""A delivery of a store's study to the database of these tests."""


@pytest.fixture(scope="module")
def tracker_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for all tests here: making it takes seconds."""
    return default_tracker(tmp_path_factory.mktemp("mlflow"), "x")[0]


@pytest.fixture
def client(tracker_uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri=tracker_uri)


@pytest.fixture
def opened(tracker_uri: str, tmp_path: Path) -> Open:
    return lambda store: Delivery(store, tracker_uri, (tmp_path / "artifacts").as_uri())


def deliver(opened: Open, store: Store, status: str = "FINISHED") -> None:
    delivery = opened(store)
    delivery.sync()
    delivery.finish(status)


def rows_of(client: MlflowClient, run: Run, metric: str) -> list[tuple[int, float, int]]:
    return [(row.step, row.value, row.timestamp) for row in client.get_metric_history(run.info.run_id, metric)]


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


def expected_parents(plan: StudyPlan) -> dict[str, str | None]:
    arms = {arm.name: "tiny" for arm in plan.arms}
    return {"tiny": None, **arms, **{f"{trial.arm} seed {trial.seed}": trial.arm for trial in plan.trials}}


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


# ------------------------------------------------------------------------------------------- interruptions and trouble


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
        for name in ("create_run", "log_batch", "set_terminated", "log_artifact"):
            patched.setattr(MlflowClient, name, counted(getattr(MlflowClient, name)))
        with suppress(Killed):
            deliver(opened, store)
    deliver(opened, store)
    runs = client.search_runs([experiment_of(client, "tiny")], f"tags.`modstudy.study_id` = '{study_id(store)}'")
    assert sorted(str(run.info.run_name) for run in runs) == sorted(expected_parents(plan))
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
    assert runs_of(client, store)["tiny"].data.tags["git_commit"] == ""
