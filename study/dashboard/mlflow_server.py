"""MLflow's server on the database of a root, and what it knows of a study."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import quote

from core.errors import StudyError
from study.tracking.environment import MLFLOW_ENVIRONMENT
from study.tracking.locks import database_lock
from study.tracking.reasons import without_passwords

HOST = "127.0.0.1"
"""Servers listen on the loopback interface only, because they have no authentication."""
START_WAIT_S = 120.0
"""Maximum time until the server answers; a busy machine takes long to import it."""
END_WAIT_S = 5.0
"""Time in which the server ends after a request; then it is killed."""
REQUEST_WAIT_S = 5.0
"""Maximum time of a request; the index page waits for those that look a study up."""
SERVER_ENVIRONMENT = {**MLFLOW_ENVIRONMENT, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""No telemetry, and none of the processes that run jobs on language models."""
_UNREACHABLE = (urllib.error.URLError, ConnectionError, TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedStudy:
    """Ids of a study in a tracker."""

    experiment_id: str
    run_id: str


class MlflowServer:
    """MLflow's server on a tracking database, in a process group of its own that ends with the block."""

    def __init__(self, tracking_uri: str, port: int = 0) -> None:
        """Choose a port; nothing is started.

        Args:
            tracking_uri: URI of the database.
            port: Port of the server; 0 for any that is free.
        """
        self._uri = tracking_uri
        self._port = port or _free_port()
        self.address = f"http://{HOST}:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def has_ended(self) -> bool:
        """Whether the server was started, and its process has ended."""
        return self._process is not None and self._process.poll() is not None

    def start(self, wait_s: float = START_WAIT_S) -> None:
        """Start the server, and return when it answers.

        Raises:
            StudyError: it ended, or did not answer in time.
        """
        command = [
            sys.executable, "-P", "-m", "mlflow", "server", "--backend-store-uri", self._uri,
            "--host", HOST, "--port", str(self._port), "--workers", "1",
        ]  # fmt: skip
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        # Two processes that migrate one database at once break it.
        with database_lock(self._uri):
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                env={**SERVER_ENVIRONMENT, **os.environ},
                start_new_session=True,
            )
            deadline = time.monotonic() + wait_s
            while not self._answers():
                if self.has_ended or time.monotonic() > deadline:
                    raise StudyError(
                        f"MLflow's server on {without_passwords(self._uri)} did not start: {self.reason()}"
                    )
                time.sleep(0.2)

    def reason(self) -> str:
        """The last line of the server's output."""
        assert self._log is not None
        size = os.fstat(self._log.fileno()).st_size
        output = os.pread(self._log.fileno(), 65536, max(0, size - 65536)).decode(errors="replace")
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        return without_passwords(lines[-1]) if lines else "it gave no reason"

    def end(self) -> None:
        """End all processes of the server, and return when they are gone."""
        process, self._process = self._process, None
        if process is not None:
            for how in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, how)
                if _has_group_ended(process, END_WAIT_S):
                    break
        if self._log is not None:
            self._log.close()

    def _answers(self) -> bool:
        """Whether the server answers."""
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=REQUEST_WAIT_S):
                return True
        except _UNREACHABLE:
            return False


def tracked_study(server: str, study: str, study_id: str) -> TrackedStudy | None:
    """Ids of a study in a tracker that is reached over HTTP; None if it is not there, or the tracker is not reached.

    Args:
        server: Address of the server, without a slash at its end.
        study: Name of the study.
        study_id: Id that tells the study from others with its name in the same tracker.
    """
    api = f"{server}/api/2.0/mlflow"
    try:
        found = _request(f"{api}/experiments/get-by-name?experiment_name={quote(study, safe='')}")
        experiment_id = str(found["experiment"]["experiment_id"])
        query = {
            "experiment_ids": [experiment_id],
            "filter": f"tags.`modstudy.study_id` = '{study_id}' and tags.`modstudy.level` = 'study'",
            "max_results": 1,
        }
        runs = _request(f"{api}/runs/search", query).get("runs", [])
        return TrackedStudy(experiment_id=experiment_id, run_id=str(runs[0]["info"]["run_id"])) if runs else None
    except (*_UNREACHABLE, KeyError, ValueError):
        return None


# ---------------------------------------------------------------------------------------------------------------------


def _request(url: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Answer of the server's interface for programs."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=REQUEST_WAIT_S) as response:
        content: dict[str, Any] = json.load(response)
        return content


def _free_port() -> int:
    """A port that no server uses now."""
    with socket.socket() as found:
        found.bind((HOST, 0))
        return int(found.getsockname()[1])


def _has_group_ended(leader: subprocess.Popen[bytes], wait_s: float) -> bool:
    """Wait for all processes of a group to end, and return whether they have."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        leader.poll()
        try:
            os.killpg(leader.pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
