"""The pages of `modstudy dashboard`: the index of a root, and MLflow's server, with addresses that open a study."""

import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

from core.errors import StudyError
from core.storage.roots import is_uri, shown
from dashboards.report.keys import PAGE_KEY
from study.dashboard.index_server import IndexServer
from study.dashboard.live_studies import LiveStudies
from study.dashboard.mlflow_server import MlflowServer, TrackedStudy, tracked_study
from study.tracking.delivery_id import known_delivery_id
from study.tracking.tracker import default_tracker
from study.tracking.views import arms_address, charts_address, experiment_address, run_address

LOOK_AGAIN_S = 10.0
"""Interval at which MLflow is asked again for a study that it does not have yet."""


class Pages:
    """Servers of a root; as a context manager, they run within the block."""

    def __init__(
        self, root: str, study: str | None, *, port: int = 0, mlflow_port: int = 0, tracking_uri: str | None = None
    ) -> None:
        """Check the arguments, and open the port of the index.

        Args:
            root: Folder or URI of all studies.
            study: Name of a study to which the addresses lead; None for all.
            port: Port of the index; 0 for any that is free.
            mlflow_port: Port of MLflow's server; 0 for any that is free.
            tracking_uri: Tracking URI of MLflow; None for the database in the root. No server is started for one that
                is served already.

        Raises:
            StudyError: there is no study, or none of this name, or the port cannot be used.
        """
        self._root, self._study = root, study
        self._uri = tracking_uri or default_tracker(Path("runs") if is_uri(root) else Path(root), "")[0]
        self._is_served = urlsplit(self._uri).scheme in ("http", "https")
        self._tracked: dict[str, TrackedStudy] = {}
        self._asked_at: dict[str, float] = {}
        self._mlflow = MlflowServer(self._uri, mlflow_port)
        self._address = shown(self._uri).rstrip("/") if self._is_served else ""
        self._studies = LiveStudies(root, self._links)
        names = [entry.name for entry in self._studies.index.entries()]
        if not names:
            raise StudyError(f"there is no study under {shown(root)} yet: modstudy launch STUDY")
        if study is not None and study not in names:
            raise StudyError(f"there is no study {study!r} under {shown(root)}; studies there: {', '.join(names)}")
        self._index = IndexServer(self._studies, port)
        self._running = ExitStack()

    def __enter__(self) -> Self:
        self._running.enter_context(self._mlflow)
        self._running.enter_context(self._index)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    @property
    def index_address(self) -> str:
        """Address of the index page."""
        return f"{self._index.address}/"

    @property
    def report_address(self) -> str | None:
        """Address of the report of the study; None without a study or a report."""
        if self._study is None or not self._studies.index.store(self._study).has(PAGE_KEY):
            return None
        return f"{self._index.address}/studies/{quote(self._study, safe='')}/{PAGE_KEY}"

    def start_mlflow(self) -> str | None:
        """Start MLflow's server, and return the reason if it cannot be started; None if it answers."""
        if self._is_served:
            return None
        try:
            self._mlflow.start()
        except StudyError as error:
            return str(error)
        self._address = self._mlflow.address
        return None

    def mlflow_addresses(self) -> list[tuple[str, str]]:
        """Addresses in MLflow with their labels: those of the study, or else of the list of experiments."""
        if not self._address:
            return []
        if self._study is None:
            return [("MLflow:", f"{self._address}/#/experiments")]
        tracked = self._find(self._study)
        if tracked is None:
            return [("MLflow:", f"{self._address}/#/experiments ({self._study} is not found there)")]
        study_id = self._study_id(self._study) or ""
        return [
            ("MLflow:", experiment_address(self._address, tracked.experiment_id)),
            ("Charts:", charts_address(self._address, tracked.experiment_id, study_id)),
            ("Arms:", arms_address(self._address, tracked.experiment_id, study_id)),
            ("Run:", run_address(self._address, tracked.experiment_id, tracked.run_id)),
        ]

    def mlflow_has_ended(self) -> bool:
        """Whether MLflow's server was started and has ended by itself."""
        return self._mlflow.has_ended

    def mlflow_reason(self) -> str:
        """The last line of the output of MLflow's server."""
        return self._mlflow.reason()

    def _links(self, name: str) -> tuple[str, str] | None:
        """Addresses of the charts and of the run of a study in MLflow; None if it is not there."""
        if not self._address or (tracked := self._find(name)) is None:
            return None
        study_id = self._study_id(name) or ""
        return (
            charts_address(self._address, tracked.experiment_id, study_id),
            run_address(self._address, tracked.experiment_id, tracked.run_id),
        )

    def _find(self, name: str) -> TrackedStudy | None:
        """Ids of a study in MLflow, which is asked once if it has the study, and from time to time if not."""
        study_id = self._study_id(name)
        if study_id is None:
            return None
        is_due = time.monotonic() - self._asked_at.get(study_id, float("-inf")) > LOOK_AGAIN_S
        if study_id not in self._tracked and is_due:
            self._asked_at[study_id] = time.monotonic()
            if found := tracked_study(self._address, name, study_id):
                self._tracked[study_id] = found
        return self._tracked.get(study_id)

    def _study_id(self, name: str) -> str | None:
        """Id of a study in trackers; None if it was never delivered."""
        return known_delivery_id(self._studies.index.store(name))
