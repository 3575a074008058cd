"""Delivery of a running study to MLflow in a background thread, so that the study does not depend on the tracker.

Trials do not wait while a new database is created, which takes seconds. Results that could not be delivered are
delivered by the next `resume` or `report`, because every delivery starts from the ledger, the committed records.
"""

import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from core.storage.store import Store

if TYPE_CHECKING:
    from study.tracking.delivery import Delivery


MAX_WAIT_S = 60.0
"""Maximum time that the end of a study waits for its tracker."""
MLFLOW_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
"""Environment variables of MLflow, set unless the user has set them: no telemetry, and short waits."""
_log = logging.getLogger(__name__)


def default_tracker(root: Path, study: str) -> tuple[str, str]:
    """Default tracking URI and artifact location of a study: a database and a folder in the root of all studies."""
    root = root.absolute()
    return f"sqlite:///{root / 'mlflow.db'}", (root / "mlflow-artifacts" / study).as_uri()


class Tracker:
    """Background thread that delivers new records of a study to MLflow."""

    def __init__(self, store: Store, tracking_uri: str, artifact_location: str | None) -> None:
        self._arguments = (store, tracking_uri, artifact_location)
        self._uri = tracking_uri
        self._has_news = threading.Event()
        self._has_news.set()
        self._final_status: str | None = None
        self._error: str | None = None
        self._thread = threading.Thread(target=self._deliver, name="mlflow", daemon=True)

    def start(self) -> None:
        """Set the environment of MLflow, and start the thread."""
        for name, value in MLFLOW_ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._thread.start()

    def notify(self) -> None:
        """Notify the thread of a newly committed record."""
        self._has_news.set()

    def finish(self, status: str, max_wait_s: float = MAX_WAIT_S) -> str | None:
        """Deliver the remaining records and the report, and return an error message; None if all was delivered.

        Args:
            status: Final MLflow status of the study: `FINISHED`, `FAILED` or `KILLED`.
            max_wait_s: Maximum time to wait for the tracker.
        """
        self._final_status = status
        self._has_news.set()
        self._thread.join(max_wait_s)
        if self._thread.is_alive():
            return f"MLflow at {self._uri} did not take everything within {max_wait_s:g} s"
        return self._error

    def _deliver(self) -> None:
        """Body of the thread: deliver records until the study ends, or the tracker raises an error."""
        try:
            delivery = self._open()
            while True:
                self._has_news.wait()
                self._has_news.clear()
                final_status = self._final_status
                delivery.sync()
                if final_status is not None:
                    delivery.finish(final_status)
                    return
        except Exception as error:  # noqa: BLE001 - no error of a tracker may stop the study
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            self._error = f"MLflow at {self._uri} could not be updated ({reason})"
            _log.warning("%s; the study continues without it", self._error)

    def _open(self) -> "Delivery":
        """Connect to the tracker."""
        from study.tracking.delivery import Delivery

        return Delivery(*self._arguments)
