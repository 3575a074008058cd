"""Deliveries of tiny studies to MLflow, and what they leave there."""

from collections.abc import Callable

from mlflow import MlflowClient
from mlflow.entities import Run

from core.storage.records import StudyPlan
from core.storage.store import Store
from study.tracking.delivery import Delivery

Open = Callable[[Store], Delivery]
"""A delivery of a store's study to the database of these tests."""


def deliver(opened: Open, store: Store, status: str = "FINISHED") -> None:
    delivery = opened(store)
    delivery.sync()
    delivery.finish(status)


def rows_of(client: MlflowClient, run: Run, metric: str) -> list[tuple[int, float, int]]:
    return [(row.step, row.value, row.timestamp) for row in client.get_metric_history(run.info.run_id, metric)]


def expected_parents(plan: StudyPlan) -> dict[str, str | None]:
    arms = {arm.name: "tiny" for arm in plan.arms}
    return {"tiny": None, **arms, **{f"{trial.arm} seed {trial.seed}": trial.arm for trial in plan.trials}}
