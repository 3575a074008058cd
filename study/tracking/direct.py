"""Delivery of a study to MLflow in this process, all at once."""

from dataclasses import dataclass

from core.errors import StudyError
from core.storage.store import Store
from study.tracking.database import check_database, database_path
from study.tracking.environment import set_environment
from study.tracking.locks import delivery_lock
from study.tracking.reasons import reason_of, without_passwords


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a tracker has after a delivery."""

    n_arms: int
    n_trials: int
    """Number of trials with a record."""
    n_new: int
    """Number of trials that the tracker lacked before."""


def deliver_once(store: Store, tracking_uri: str, artifact_location: str | None, status: str) -> Delivered:
    """Deliver all records and the report of a study, and return what the tracker has then.

    Args:
        store: Store of the study.
        tracking_uri: Any tracking URI of MLflow.
        artifact_location: URI for the artifacts of a new experiment; None selects the tracker's default.
        status: Final MLflow status of the study: `FINISHED`, `FAILED` or `KILLED`.

    Raises:
        StudyError: the tracker could not be updated, or another process delivers the study now.
    """
    set_environment()
    with delivery_lock(store):
        try:
            # Before MLflow is imported, which takes seconds.
            if path := database_path(tracking_uri):
                check_database(path)
            from study.tracking.delivery import Delivery

            delivery = Delivery(store, tracking_uri, artifact_location)
            n_new = delivery.sync()
            delivery.finish(status)
        except Exception as error:
            where = without_passwords(tracking_uri)
            raise StudyError(f"MLflow at {where} could not be updated ({reason_of(error)}); try it again") from error
    return Delivered(n_arms=delivery.n_arms, n_trials=delivery.n_trials, n_new=n_new)
