"""Servers on the loopback interface."""

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tests.support.processes import session_of, wait_until

PATIENCE_S = 120


def free_port() -> int:
    """A port that no server uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def is_up(url: str) -> bool:
    """Whether a server answers."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as response:
            return bool(response.read())
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


class MlflowServer:
    """`mlflow server` over a database in a folder, in a session of its own; it can be started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._command = [
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
            "--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", f"{folder}/artifacts",
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.begin()
        self.wait_until_up()

    def begin(self) -> None:
        """Start the server, and return before it answers."""
        with (self._folder / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, cwd=self._folder, start_new_session=True
            )

    def wait_until_up(self) -> None:
        """Return when the server answers."""
        wait_until(lambda: is_up(f"{self.url}/health"), "the MLflow server", patience_s=PATIENCE_S)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the server and its workers."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, how)
            process.wait(PATIENCE_S)
            wait_until(lambda: session_of(process.pid) == [], "the end of the server", patience_s=PATIENCE_S)
