"""What MLflow's page of a study shows by itself: description, saved view, names of arms, curves and sounds."""

import hashlib
from pathlib import Path

import pytest
from mlflow import MlflowClient

from core.storage.records import StudyPlan
from core.storage.store import Store
from study.tracking import delivery as delivery_module
from study.tracking.views import VIEW_TAG
from tests.support.deliveries import Open, deliver
from tests.support.fake_study import ARMS, FakeArm, fake_study
from tests.support.mlflow_runs import experiment_of, runs_of, study_id
from tests.support.tiny_study import commit

# MLflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NOTE = "mlflow.note.content"


def experiment_tags(client: MlflowClient, store: Store) -> dict[str, str]:
    return dict(client.get_experiment(experiment_of(client, store.plan().name)).tags)


def files_of(folder: Path) -> dict[str, str]:
    """Hash of each file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_until_there_is_a_report_the_description_is_the_question(
    store: Store, client: MlflowClient, opened: Open
) -> None:
    opened(store)
    assert runs_of(client, store)["tiny"].data.tags[NOTE] == "Does it run?"


def test_the_report_in_short_is_the_description_of_run_and_experiment(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    for trial in plan.trials:
        commit(store, trial)
    store.put("report/description.md", b"**frame is best**\n\n![front](front.png)")
    store.put("report/front.png", b"\x89PNG")
    deliver(opened, store)
    run = runs_of(client, store)["tiny"]
    link = f"get-artifact?path=report%2Ffront.png&run_uuid={run.info.run_id}"
    assert run.data.tags[NOTE] == f"**frame is best**\n\n![front]({link})"
    assert experiment_tags(client, store)[NOTE] == run.data.tags[NOTE]
    assert [file.path for file in client.list_artifacts(run.info.run_id, "report")] == ["report/front.png"]


def test_a_saved_view_of_the_experiment_finds_the_arms(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    for trial in plan.trials:
        commit(store, trial)
    deliver(opened, store)
    tags = experiment_tags(client, store)
    assert f"{VIEW_TAG}modstudy-{study_id(store)}" in tags
    found = client.search_runs(
        [experiment_of(client, "tiny")],
        f"tags.`modstudy.study_id` = '{study_id(store)}' and tags.`modstudy.level` = 'arm'",
        order_by=["metrics.`audio.mss` ASC"],
    )
    assert [run.data.tags["modstudy.arm"] for run in found] == ["frame", "lpf-8", "constant"]


def test_the_name_of_an_arms_run_has_the_means_of_its_objectives(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    commit(store, plan.trials[0])
    deliver(opened, store, "KILLED")
    runs = runs_of(client, store)
    assert runs["lpf-8"].info.run_name == "lpf-8: audio.mss 1.00, interpretability.tv 2.00"
    assert runs["frame"].info.run_name == "frame"
    for trial in plan.trials[1:]:
        commit(store, trial)
    deliver(opened, store)
    assert runs_of(client, store)["lpf-8"].info.run_name == "lpf-8: audio.mss 1.05, interpretability.tv 1.95"


def test_git_commit_is_that_of_the_code_that_trained_a_trial(
    store: Store, plan: StudyPlan, client: MlflowClient, opened: Open
) -> None:
    commit(store, plan.trials[0])
    deliver(opened, store, "KILLED")
    runs = runs_of(client, store)
    assert runs["lpf-8 seed 0"].data.tags["git_commit"] == "abc"
    assert {name for name, run in runs.items() if "git_commit" in run.data.tags} == {"lpf-8 seed 0"}
    assert runs["tiny"].data.tags["code_version"] == plan.code_versions[0]


def test_seed_runs_carry_curves_and_the_first_finished_one_of_an_arm_its_sounds(
    tmp_path: Path, client: MlflowClient, opened: Open
) -> None:
    arms = [FakeArm(name="frame <x>", mss=0.7, tv=22.0, outcomes={0: "nan"}), ARMS[1]]
    store = fake_study(tmp_path / "heard", arms, seeds=3, n_clips=3)
    deliver(opened, store)
    artifacts = {
        name: [file.path for file in client.list_artifacts(run.info.run_id)]
        for name, run in runs_of(client, store).items()
        if " seed " in name
    }
    assert artifacts == {
        "frame <x> seed 0": [],
        "frame <x> seed 1": ["audio", "curves.svg"],
        "frame <x> seed 2": ["curves.svg"],
        "lpf-8 seed 0": ["audio", "curves.svg"],
        "lpf-8 seed 1": ["curves.svg"],
        "lpf-8 seed 2": ["curves.svg"],
    }
    run = runs_of(client, store)["lpf-8 seed 0"]
    assert [file.path for file in client.list_artifacts(run.info.run_id, "audio")] == [
        f"audio/test_{clip}.{role}.flac" for clip in (0, 1) for role in ("estimate", "target")
    ]


def test_a_large_study_has_files_for_one_seed_of_each_of_its_first_arms(
    tmp_path: Path, client: MlflowClient, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "MAX_RUNS_WITH_FILES", 2)
    store = fake_study(tmp_path / "large", ARMS[:3], seeds=2, n_clips=1)
    deliver(opened, store)
    with_files = [
        name
        for name, run in runs_of(client, store).items()
        if " seed " in name and client.list_artifacts(run.info.run_id)
    ]
    assert sorted(with_files) == ["frame seed 0", "lpf-8 seed 0"]


def test_delivered_twice_a_study_has_the_same_tags_and_files(
    tmp_path: Path, client: MlflowClient, opened: Open
) -> None:
    store = fake_study(tmp_path / "twice", ARMS[:2], seeds=2, n_clips=1)
    store.put("report/description.md", b"**found**")
    deliver(opened, store)
    tags, files = experiment_tags(client, store), files_of(tmp_path / "artifacts")
    deliver(opened, store)
    assert (experiment_tags(client, store), files_of(tmp_path / "artifacts")) == (tags, files)
    assert len(files) == 4 + 2 * 2
