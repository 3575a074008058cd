"""Kills of driver, workers, raylet and MLflow server at random moments change nothing of what a study finds.

`make test-kills` kills 20 times, `make test-kills KILLS=200` more often; KILLS_SEED chooses other victims and moments.
"""

import logging
import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from mlflow import MlflowClient

from core.storage.store import Store
from study.execution.trial_events import MAX_WORKER_DEATHS
from tests.support.killed_study import Command, Part, n_recorded, progress_of
from tests.support.processes import wait_until
from tests.support.servers import MlflowServer
from tests.support.study_content import differences, plan_of, tracked_arms, tracked_trials, trials_of
from tests.support.trained_study import CONSTANT, study_text

pytestmark = [pytest.mark.kills, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SEARCH = """
[search]
arms_per_cell = 9
round_size = 3
sampler = { kind = "tpe", n_startup = 4 }
[[search.grid]]
path = "parameterization.kind"
values = ["frame", "low_pass"]
[[search.space]]
path = "optimizer.lr"
low = 1e-3
high = 1e-1
log = true
[confirm]
max_arms = 3
"""
N_KILLS = int(os.environ.get("KILLS") or 20)
SEED = int(os.environ.get("KILLS_SEED") or 0)
MAX_DELAY_S = 3.0
"""Longest time from a sign of progress to a kill."""
PATIENCE_S = 300.0
LINGER_S = 90.0
"""Time in which all processes of a command end after it, whatever it was ended by.

Ray's agents, whose raylet and server have died with the driver, try to reach the server for 60 s.
"""
Victim = Part | Literal["server"]
VICTIMS: tuple[Victim, ...] = ("driver", "worker", "raylet", "server")
_log = logging.getLogger(__name__)


class KilledStudy:
    """A study that is launched, and resumed whenever its driver has ended, while kills befall it."""

    def __init__(self, folder: Path, temporary: Path, server: MlflowServer, n_trials: int) -> None:
        self.store = Store(folder / "killed" / "tiny")
        self.kills: Counter[Victim] = Counter()
        self.commands: list[Command] = []
        self._folder, self._temporary, self._server = folder, temporary, server
        self._n_trials = n_trials
        self._random = random.Random(SEED)
        self._worker_kills: Counter[str] = Counter()

    def start(self) -> Command:
        """Launch the study, or resume it if it has been stored."""
        words = ["resume", "tiny"] if self.store.has_study else ["launch", "tiny.toml"]
        words += ["--root", "killed", "--tracking-uri", self._server.url]
        command = Command(words, self._folder, f"command-{len(self.commands)}", self._temporary)
        self.commands.append(command)
        return command

    def kill(self, victim: Victim, after_records: int) -> None:
        """Kill a victim at a random moment after the study has some records; the study then runs, or was resumed."""
        self._reach(lambda: n_recorded(self.store) >= after_records, f"{after_records} records")
        before = progress_of(self.store)
        self._reach(lambda: progress_of(self.store) != before, "progress")
        time.sleep(self._random.uniform(0, MAX_DELAY_S))
        killed = self._kill_server() if victim == "server" else self._kill_part(victim)
        self.kills[killed] += 1
        _log.info("kill %d: %s, %d trials recorded", self.kills.total(), killed, n_recorded(self.store))
        if killed in ("driver", "raylet"):
            self._end_of(self.commands[-1])
            self._resume(self.commands[-1])
        self._check_leftovers()

    def finish(self) -> None:
        """Resume the study until a command succeeds."""
        for _ in range(3):
            if self._end_of(self.commands[-1]) == 0:
                return
            self.start()
        pytest.fail(f"the study does not end well:\n{self.commands[-2].output}")

    def check_that_nothing_is_left(self) -> None:
        """Check that the processes of all commands have ended."""
        wait_until(
            lambda: not any(command.processes() for command in self.commands),
            "the end of all processes",
            patience_s=LINGER_S,
        )

    # ------------------------------------------------------------------------------------------------------------

    def _kill_server(self) -> Victim:
        """Kill the MLflow server, and start it again."""
        self._server.stop(signal.SIGKILL)
        self._server.begin()
        return "server"

    def _kill_part(self, part: Part) -> Victim:
        """Kill a process of the command that runs, as soon as there is one, and return which it was."""
        killed: list[Part] = []
        self._reach(lambda: self._try_to_kill(part, killed), f"a {part}")
        return killed[0]

    def _try_to_kill(self, part: Part, killed: list[Part]) -> bool:
        """Kill a process of the command that runs, and return whether there was one."""
        command = self.commands[-1]
        # A worker more, of the same trial, would be a loss, which a search goes on from as from any other outcome.
        if part == "worker" and self._worker_kills[command.mark] == MAX_WORKER_DEATHS:
            part = "driver"
        # Nothing is left to train.
        if n_recorded(self.store) == self._n_trials:
            part = "driver"
        process = command.find(part)
        if process is None:
            return False
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            return False
        killed.append(part)
        self._worker_kills[command.mark] += part == "worker"
        return True

    @staticmethod
    def _end_of(command: Command) -> int:
        """Wait for the end of a command, and return its exit code."""
        wait_until(lambda: command.exit_code() is not None, f"the end of {command.mark}", patience_s=PATIENCE_S)
        return command.process.returncode

    def _resume(self, ended: Command) -> None:
        """Resume the study after a command has ended, at once, whatever is left over of it."""
        _log.info(
            "%s ended with %s; %d of its processes are left", ended.mark, ended.exit_code(), len(ended.processes())
        )
        self.start()

    def _reach(self, condition: Callable[[], object], what: str) -> None:
        """Wait until a condition holds; commands that end meanwhile are followed by the next one."""

        def is_reached() -> bool:
            if condition():
                return True
            command = self.commands[-1]
            if (code := command.exit_code()) is not None:
                # After a success nothing is left to train, but the next command opens the study and delivers it.
                assert code in (0, 1), f"exit code {code}:\n{command.output}"
                self._resume(command)
            return False

        wait_until(is_reached, f"{what}; the last command printed: {self.commands[-1].output}", patience_s=PATIENCE_S)

    def _check_leftovers(self) -> None:
        """Check that no process lingers of commands that ended long ago."""
        for command in self.commands:
            if command.seconds_since_end > LINGER_S:
                left = command.processes()
                assert not left, f"{len(left)} processes of {command.mark} linger after its end"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(
        study_text(CONSTANT, SEARCH, max_steps=120, validate_every=5, checkpoint_every=5)
    )
    return tmp_path


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files with a short path."""
    path = Path(tempfile.mkdtemp(prefix="k-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MlflowServer]:
    place = tmp_path / "server"
    place.mkdir()
    server = MlflowServer(place)
    server.start()
    yield server
    server.stop()


def test_a_study_that_is_killed_again_and_again_finds_what_an_undisturbed_one_finds(
    folder: Path, temporary: Path, server: MlflowServer
) -> None:
    started = time.monotonic()
    launch = ["launch", "tiny.toml", "--root", "undisturbed", "--tracking-uri", server.url]
    undisturbed_command = Command(launch, folder, "undisturbed", temporary)
    try:
        assert undisturbed_command.process.wait(PATIENCE_S) == 0, undisturbed_command.output
    finally:
        undisturbed_command.end()
    undisturbed = Store(folder / "undisturbed" / "tiny")
    n_trials = n_recorded(undisturbed)
    assert n_trials == len(undisturbed.plan().trials)
    assert {segment.stage for segment in undisturbed.plan().segments} == {"design", "search", "confirm"}
    _log.info("undisturbed: %d trials in %.0f s", n_trials, time.monotonic() - started)
    _log.info("KILLS=%d KILLS_SEED=%d", N_KILLS, SEED)

    study = KilledStudy(folder, temporary, server, n_trials)
    victims = list(VICTIMS) * -(-N_KILLS // len(VICTIMS))
    random.Random(SEED).shuffle(victims)
    try:
        study.start()
        for number, victim in enumerate(victims[:N_KILLS]):
            study.kill(victim, after_records=number * n_trials // (N_KILLS + 1))
        server.wait_until_up()
        study.finish()
        study.check_that_nothing_is_left()
    finally:
        for command in study.commands:
            command.end()
    assert study.kills.total() == N_KILLS
    # The folder of a driver is removed by the next one that starts Ray; the last one may have had no trial left.
    n_left = len(list(temporary.glob("modstudy-*")))
    n_interrupted = sum(len(study.store.attempts(trial.digest)) > 1 for trial in study.store.plan().trials)
    _log.info(
        "%d kills in %.0f s: %s; %d commands, %d trials interrupted after a checkpoint, %d temporary folders left",
        N_KILLS, time.monotonic() - started, dict(study.kills), len(study.commands), n_interrupted, n_left,
    )  # fmt: skip
    assert n_left <= 1
    assert n_interrupted >= N_KILLS // 20
    track = Command(["track", "tiny", "--root", "killed", "--tracking-uri", server.url], folder, "track", temporary)
    assert track.process.wait(PATIENCE_S) == 0, track.output

    assert plan_of(study.store) == plan_of(undisturbed)
    assert differences(trials_of(study.store), trials_of(undisturbed)) == []
    client = MlflowClient(tracking_uri=server.url)
    tracked = tracked_trials(client, study.store)
    assert {run["status"] for run in tracked.values()} == {"FINISHED"}
    assert tracked.keys() == {trial.digest for trial in undisturbed.plan().trials}
    assert differences(tracked, tracked_trials(client, undisturbed)) == []
    assert differences(tracked_arms(client, study.store), tracked_arms(client, undisturbed)) == []
