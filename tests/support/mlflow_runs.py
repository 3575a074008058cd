"""The runs of a study in an MLflow database."""

from mlflow import MlflowClient
from mlflow.entities import Run

from core.storage.store import Store


def experiment_of(client: MlflowClient, study: str) -> str:
    """The id of a study's experiment."""
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    return str(experiment.experiment_id)


def runs_of(client: MlflowClient, store: Store) -> dict[str, Run]:
    """The runs of one store's study by arm, by arm and seed, or by its name, whatever else its experiment has."""
    experiment = experiment_of(client, store.plan().name)
    return {
        name_of(run): run for run in client.search_runs([experiment], f"tags.`modstudy.study_id` = '{study_id(store)}'")
    }


def name_of(run: Run) -> str:
    """The arm of a run of an arm, whose own name has its objectives as well; the name of any other run."""
    is_arm = run.data.tags["modstudy.level"] == "arm"
    return str(run.data.tags["modstudy.arm"] if is_arm else run.info.run_name)


def study_id(store: Store) -> str:
    """The id of a store's study in trackers."""
    return store.get("mlflow-id").decode()


def n_delivered(client: MlflowClient, store: Store) -> int:
    """Number of trials with all their results in the tracker, which may not have the study yet."""
    if client.get_experiment_by_name(store.plan().name) is None or not store.has("mlflow-id"):
        return 0
    return sum(" seed " in name and run.info.status == "FINISHED" for name, run in runs_of(client, store).items())
