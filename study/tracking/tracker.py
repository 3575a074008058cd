"""Delivers a running study to MLflow from a thread of the driver; a tracker that is dead costs the study nothing.

A new database takes seconds to create: trials do not wait for it. What a tracker missed, the next `resume` or `report`
delivers, because everything is made from the ledger.
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
"""How long the end of a study waits for its tracker."""
MLFLOW_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
_log = logging.getLogger(__name__)


def default_tracker(root: Path, study: str) -> tuple[str, str]:
    """Tracking URI and artifact location beside the studies of one root."""
    root = root.absolute()
    return f"sqlite:///{root / 'mlflow.db'}", (root / "mlflow-artifacts" / study).as_uri()


class Tracker:
    """A thread that delivers whatever the ledger has got since it last looked."""

    def __init__(self, store: Store, tracking_uri: str, artifact_location: str | None) -> None:
        self._arguments = (store, tracking_uri, artifact_location)
        self._uri = tracking_uri
        self._news = threading.Event()
        self._news.set()
        self._ending: str | None = None
        self._error: str | None = None
        self._thread = threading.Thread(target=self._deliver, name="mlflow", daemon=True)

    def start(self) -> None:
        for name, value in MLFLOW_ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._thread.start()

    def notice(self) -> None:
        """Something was committed; deliver it soon."""
        self._news.set()

    def finish(self, status: str, max_wait_s: float = MAX_WAIT_S) -> str | None:
        """Deliver the rest with the report, and say what went wrong, if anything did.

        Args:
            status: `FINISHED`, `FAILED` or `KILLED`.
            max_wait_s: Seconds to wait for the tracker.
        """
        self._ending = status
        self._news.set()
        self._thread.join(max_wait_s)
        if self._thread.is_alive():
            return f"MLflow at {self._uri} did not take everything within {max_wait_s:g} s"
        return self._error

    def _deliver(self) -> None:
        try:
            delivery = self._open()
            while True:
                self._news.wait()
                self._news.clear()
                ending = self._ending
                delivery.sync()
                if ending is not None:
                    delivery.finish(ending)
                    return
        except Exception as error:  # noqa: BLE001 - whatever a tracker does, the study goes on
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            self._error = f"MLflow at {self._uri} took no delivery ({reason})"
            _log.warning("%s; the study goes on without it", self._error)

    def _open(self) -> "Delivery":
        from study.tracking.delivery import Delivery

        return Delivery(*self._arguments)
