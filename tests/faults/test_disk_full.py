"""Full disks: a study stops with one line, keeps what has ended, and goes on once there is space."""

import errno
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from core.errors import StoreError, StudyError
from core.storage.records import StudyPlan
from core.storage.store import Store
from core.storage.values import is_disk_full
from core.training.trial import run_trial
from study.commands.options import OK, TRIALS_FAILED
from study.execution import disk_space
from study.execution.disk_space import DiskFullInterrupt, check_room, fullest_disk, size_text
from study.execution.outcomes import RunningTrial
from study.execution.trial_events import TrialEvents
from study.execution.trial_queue import TrialQueue, open_trials
from study.execution.worker import DISK_FULL
from study.progress import StudyProgress, max_steps
from tests.support.command_line import Command
from tests.support.configs import tiny
from tests.support.disks import small_disk
from tests.support.killed_study import Command as Process
from tests.support.processes import wait_until
from tests.support.refusals import assert_refused
from tests.support.study_content import differences, trials_of
from tests.support.tiny_study import create_study, tiny_plan
from tests.support.trained_study import CONSTANT, FRAME, LOW_PASS, study_text

PATIENCE_S = 240
N_TRIALS = 36


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a study file of 36 trials of some 90 kB each."""
    (tmp_path / "tiny.toml").write_text(study_text(LOW_PASS, CONSTANT, FRAME, seeds=range(N_TRIALS // 3)))
    return tmp_path


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files with a short path, on a disk of 20 MB."""
    path = Path("/tmp", f"f-{os.getpid()}")
    with small_disk(path, "20m"):
        yield path
    path.rmdir()


def ended(command: Process) -> str:
    """What a command printed, on one line, once it has ended; nothing of it may be left."""
    try:
        wait_until(lambda: command.exit_code() is not None, "the end of the study", patience_s=PATIENCE_S)
        wait_until(lambda: command.processes() == [], "the end of its processes", patience_s=90)
    finally:
        command.end()
    return " ".join(command.output.split())


def test_a_study_whose_root_is_full_stops_and_goes_on_to_the_undisturbed_numbers(folder: Path, tmp_path: Path) -> None:
    with small_disk(folder / "root", "8m") as remount:
        # Too small for the study, although its lower bound of what the trials write fits in.
        (folder / "root" / "of-somebody-else").write_bytes(bytes(4_800_000))
        launch = Process(["launch", "tiny.toml", "--root", "root"], folder, "launch", tmp_path)
        output = ended(launch)
        store = Store(folder / "root" / "tiny")
        n_ended = len(store.outcomes())
        assert launch.exit_code() == TRIALS_FAILED, output
        said = re.search(r"error: the disk of (\S+) is full \(0\.[01] MB free\); (\d+) of 36 trials have their", output)
        assert said, output
        # A worker may have committed one more at the same moment.
        assert said[1] == f"{folder}/root/tiny"
        assert n_ended - 2 <= int(said[2]) <= n_ended
        assert "Free space there, and go on with: modstudy resume tiny --root root" in output
        assert output.count("error: ") == 1
        assert "Traceback" not in output
        assert 0 < n_ended < N_TRIALS
        # A trial that the full disk ended beside another one may have had space for its record.
        assert set(store.outcomes().values()) <= {"finished", "cancelled"}
        remount("size=60m")
        resume = Process(["resume", "tiny", "--root", "root"], folder, "resume", tmp_path)
        output = ended(resume)
        assert resume.exit_code() == OK, output
        undisturbed = Process(["launch", "tiny.toml", "--root", "undisturbed"], folder, "undisturbed", tmp_path)
        ended(undisturbed)
        found = trials_of(store)
        assert len(found) == N_TRIALS
        assert differences(found, trials_of(Store(folder / "undisturbed" / "tiny"))) == []


def test_a_study_whose_temporary_folder_is_full_stops_and_names_it(folder: Path, temporary: Path) -> None:
    launch = Process(["launch", "tiny.toml"], folder, "launch", temporary)
    store = Store(folder / "runs" / "tiny")
    wait_until(lambda: store.has_study and len(store.outcomes()) >= 3, "some trials", patience_s=PATIENCE_S)
    with (temporary / "fill").open("wb", buffering=0) as fill, suppress(OSError):
        while fill.tell() < 40_000_000:
            fill.write(bytes(1 << 12))
    output = ended(launch)
    # A trial may have ended its study without ever writing there again.
    if launch.exit_code() != OK:
        assert launch.exit_code() == TRIALS_FAILED, output
        assert f"error: the disk of {temporary} is full" in output
        assert "go on with: modstudy resume tiny" in output
    assert "Traceback" not in output
    assert set(store.outcomes().values()) <= {"finished", "cancelled"}


def test_without_space_for_the_cache_trials_hold_their_data_themselves(folder: Path, tmp_path: Path) -> None:
    with small_disk(folder / "cache", "60k"):
        os.environ["XDG_CACHE_HOME"], before = str(folder / "cache"), os.environ["XDG_CACHE_HOME"]
        try:
            launch = Process(["launch", "tiny.toml", "--seeds", "1"], folder, "launch", tmp_path)
            output = ended(launch)
        finally:
            os.environ["XDG_CACHE_HOME"] = before
    assert launch.exit_code() == OK, output
    assert "data cannot be cached in" in output


# ------------------------------------------------------------------------------------------------ before it starts


def test_a_study_that_cannot_fit_is_refused_before_anything_is_written(modstudy: Command, folder: Path) -> None:
    with small_disk(folder / "root", "1m"):
        assert_refused(
            modstudy, "launch", "tiny.toml", "--root", "root", folder=folder,
            says="the 36 trials to run write at least 2.",
        )  # fmt: skip


def test_a_full_temporary_folder_is_refused_before_anything_is_written(
    modstudy: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(folder / "temporary", "1m"):
        monkeypatch.setattr("tempfile.tempdir", str(folder / "temporary"))
        assert_refused(
            modstudy, "launch", "tiny.toml", folder=folder,
            says=f"Ray needs 10.0 MB for temporary files, and the disk of {folder}/temporary has 1.0 MB free",
        )  # fmt: skip


@pytest.mark.parametrize("free", [0, 10**4, 10**5])
def test_the_room_that_is_needed_follows_from_the_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    plan, store = tiny_plan(), Store(tmp_path / "tiny")
    monkeypatch.setattr(disk_space, "MIN_TEMPORARY_BYTES", 0)
    monkeypatch.setattr("shutil.disk_usage", lambda _: _Usage(free))
    with pytest.raises(
        StudyError, match=rf"the 6 trials to run write at least .*, and the disk of {tmp_path}/tiny has"
    ):
        check_room(store, plan, plan.trials)
    check_room(store, plan, [])
    monkeypatch.setattr("shutil.disk_usage", lambda _: _Usage(10**9))
    check_room(store, plan, plan.trials)


class _Usage:
    def __init__(self, free: int) -> None:
        self.free = free


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(0, "0.0 MB"), (1_234_567, "1.2 MB"), (1e9, "1.0 GB"), (2.5e12, "2500.0 GB")]
)
def test_sizes_are_read_easily(n_bytes: float, text: str) -> None:
    assert size_text(n_bytes) == text


# ------------------------------------------------------------------------------------------- what counts as a full disk


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_full_disk_is_found_among_the_causes_of_an_error(number: int, depth: int) -> None:
    error: Exception = OSError(number, os.strerror(number))
    for _ in range(depth):
        try:
            raise StoreError("it cannot be written") from error
        except StoreError as caught:
            error = caught
    assert is_disk_full(error)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O"), OSError("no number"), ValueError("28"), None], ids=str)
def test_other_errors_are_no_full_disk(error: Exception | None) -> None:
    assert not is_disk_full(error)


@pytest.mark.parametrize("name", ["checkpoint", "curves", "model", "record"])
def test_a_trial_that_lacks_space_has_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It would count as failed otherwise, which says something about its arm."""
    store = Store(tmp_path)
    put = Store.put

    def full(self: Store, key: str, data: bytes) -> None:
        if name in key:
            raise StoreError(f"{key} cannot be written") from OSError(errno.ENOSPC, "full")
        put(self, key, data)

    monkeypatch.setattr(Store, "put", full)
    with pytest.raises(StoreError, match="cannot be written"):
        run_trial(tiny(), store=store, study="tiny", arm="one")
    assert store.outcomes() == {}


class _TuneTrial:
    """What a trial of Ray Tune is for its callbacks."""

    trial_id = "t0"
    error_file = None
    pickled_error_file = None

    def __init__(self, result: dict[str, object]) -> None:
        self.last_result = result


def running(store: Store, plan: StudyPlan, trial: _TuneTrial) -> TrialEvents:
    """The events of a trial that runs."""
    queue = TrialQueue(plan, plan.trials[:1], lambda *_: None)
    queue.take()
    progress = StudyProgress(planned=1, trials_at_once=1, max_steps=max_steps(plan))
    planned = RunningTrial(plan.trials[0])
    planned.start()
    events = TrialEvents(store, queue, {"t0": planned}, progress, lambda _: None, None)
    events._tune_trials["t0"] = trial
    return events


def test_a_worker_without_space_stops_the_study(tmp_path: Path) -> None:
    plan = tiny_plan()
    store = create_study(tmp_path, plan)
    trial = _TuneTrial({"step": 0, DISK_FULL: "the disk of /there is full (0.0 MB free)"})
    with pytest.raises(DiskFullInterrupt, match="the disk of /there is full"):
        running(store, plan, trial).on_trial_complete(0, [], trial)
    assert len(open_trials(store, plan)) == len(plan.trials)


@pytest.mark.parametrize("event", ["stopped by a rule", "lost"])
def test_a_driver_without_space_for_a_record_stops_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    plan = tiny_plan()
    store = create_study(tmp_path, plan)
    trial = _TuneTrial({})
    events = running(store, plan, trial)

    def full(self: Store, key: str, data: bytes) -> None:
        raise StoreError(f"{key} cannot be written") from OSError(errno.ENOSPC, f"full for {len(data)} in {self.root}")

    monkeypatch.setattr(Store, "put", full)
    end = events.on_trial_error if event == "lost" else events.on_trial_complete
    with pytest.raises(DiskFullInterrupt, match="the disk of .* is full"):
        end(0, [], trial)


def test_a_cancelled_trial_without_space_for_a_record_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tiny_plan()
    store = create_study(tmp_path, plan)
    events = running(store, plan, _TuneTrial({}))

    def full(self: Store, key: str, data: bytes) -> None:
        raise StoreError(f"{key} cannot be written") from OSError(errno.ENOSPC, f"full for {len(data)} in {self.root}")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put", full)
        events.cancel()
    assert len(open_trials(store, plan)) == len(plan.trials)


def test_the_fullest_disk_is_named(tmp_path: Path) -> None:
    with small_disk(tmp_path / "full", "64k"):
        assert (
            fullest_disk(Store(tmp_path / "full" / "tiny")) == f"the disk of {tmp_path}/full/tiny is full (0.1 MB free)"
        )


def test_heartbeats_without_space_are_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from study.execution import lease as lease_module

    monkeypatch.setattr(lease_module, "HEARTBEAT_S", 0.01)
    store = create_study(tmp_path, tiny_plan())
    with lease_module.study_lease(store), monkeypatch.context() as patch:

        def full(self: Store, key: str, data: bytes) -> None:
            raise StoreError(f"{key} cannot be written: {len(data)}, {self.root}")

        patch.setattr(Store, "put", full)
        time.sleep(0.3)
    assert caplog.text.count("the heartbeat of the study could not be written") == 1
