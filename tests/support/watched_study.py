"""A tiny study that is really trained, and then looked at in `modstudy dashboard`, without a network and watched."""

import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.command_process import PATIENCE_S, command
from tests.support.isolated import IsolatedCommand, begin_isolated
from tests.support.processes import command_line_of
from tests.support.trained_study import CONSTANT, FRAME, study_text

SECRET_VARIABLES = {
    "MODSTUDY_TEST_PASSWORD": "xyzzy-variable-1",
    "AWS_SECRET_ACCESS_KEY": "xyzzy-variable-2",
    "MLFLOW_TRACKING_PASSWORD": "xyzzy-variable-3",
}
"""Environment variables of the study that must not be found in what it writes."""
_VISIT = """\
import re, signal, subprocess, sys, urllib.request

process = subprocess.Popen(
    sys.argv[1:], stdout=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
)
lines = []
for line in process.stdout:
    print(line, end="", flush=True)
    lines.append(line)
    if line.startswith("Ctrl-C"):
        break
addresses = {word.partition("#")[0] for line in lines for word in re.findall(r"http://[^ ]+", line)}
studies = [address for address in addresses if "/studies/" in address]
for address in sorted(addresses) + [studies[0].partition("/studies/")[0] + "/studies.html"]:
    with urllib.request.urlopen(address, timeout=60) as response:
        print(response.status, len(response.read()), address, flush=True)
process.send_signal(signal.SIGINT)
sys.exit(process.wait())
"""
"""Starts the dashboard, reads the pages that it names, and ends it."""


@dataclass
class WatchedStudy:
    """What was seen of the study, and of the dashboard afterwards."""

    folder: Path
    """Working folder, with the root `runs`."""
    study: IsolatedCommand
    dashboard: IsolatedCommand
    programs: set[str] = field(default_factory=set)
    """Names of programs that ran for the study."""
    modes: dict[str, int] = field(default_factory=dict)
    """Permissions of what was seen directly in the folder for temporary files, and of Ray's token, by name."""
    variables: set[str] = field(default_factory=set)
    """Values of `SECRET_VARIABLES` that processes of the study were seen to have."""

    @property
    def temporary(self) -> Path:
        """The folder for temporary files of both commands."""
        return self.folder / "t"

    def look(self, running: IsolatedCommand) -> None:
        """Note what is there now."""
        running.look()
        for path in (*self.temporary.iterdir(), *self.temporary.glob("modstudy-*/ray-token")):
            with suppress(FileNotFoundError):
                self.modes[path.name.partition("-")[0]] = stat.S_IMODE(path.stat().st_mode)
        for pid in running.processes():
            words = command_line_of(pid).split(b"\0")
            self.programs.add(Path(words[0].decode()).name)
            with suppress(OSError):
                content = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
                self.variables |= {value for value in SECRET_VARIABLES.values() if value in content}


@pytest.fixture(scope="session")
def watched_study() -> Iterator[WatchedStudy]:
    """The study and the dashboard, once for all tests; both have ended."""
    # Paths of sockets are limited to 107 characters, and pytest's folders are long.
    folder = Path(tempfile.mkdtemp(prefix="w-", dir="/tmp"))
    (folder / "tiny.toml").write_text(study_text(CONSTANT, FRAME, seeds=[0]), encoding="utf-8")
    (folder / "t").mkdir()
    (folder / "visit.py").write_text(_VISIT, encoding="utf-8")
    variables = {
        "TMPDIR": str(folder / "t"),
        "HOME": str(folder / "home"),
        "XDG_CACHE_HOME": str(folder / "home" / "cache"),
        "NUMBA_CACHE_DIR": os.environ["NUMBA_CACHE_DIR"],
        # What the user has said against telemetry would hide that modstudy says it by itself.
        "MLFLOW_DISABLE_TELEMETRY": "",
        "RAY_USAGE_STATS_ENABLED": "",
        **SECRET_VARIABLES,
    }
    study = begin_isolated(folder / "study", command("launch", "tiny.toml"), folder, variables)
    watched = WatchedStudy(folder, study, study)
    try:
        _watch(watched, study)
        words = [sys.executable, str(folder / "visit.py"), *command("dashboard", "tiny", "--no-open")]
        watched.dashboard = begin_isolated(folder / "dashboard", words, folder, variables)
        _watch(watched, watched.dashboard)
        yield watched
    finally:
        for running in (study, watched.dashboard):
            running.end()
        shutil.rmtree(folder, ignore_errors=True)


def _watch(watched: WatchedStudy, running: IsolatedCommand) -> None:
    """Look at a command again and again until it ends, which it must do well."""
    deadline = time.monotonic() + PATIENCE_S
    while running.process.poll() is None:
        assert time.monotonic() < deadline, running.output()
        watched.look(running)
        time.sleep(0.05)
    assert running.process.returncode == 0, running.output()
