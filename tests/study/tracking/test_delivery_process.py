"""The process that delivers a study tries a failing tracker again, and knows when to stop."""

import os
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from io import FileIO

import pytest

from study.tracking import delivery_process
from study.tracking.delivery_process import LAST_TRIES, TROUBLE, Inbox, deliver
from study.tracking.messages import Ended, Message, Recorded, Task, from_line, to_line
from tests.support.processes import wait_until

TASK = Task(root="/runs/tiny", tracking_uri="http://127.0.0.1:9", artifact_location=None)
PATIENCE_S = 10


@dataclass
class FakeTracker:
    """Takes the place of MLflow: what was delivered, and how often it fails before."""

    failures: int = 0
    synced: list[set[str] | None] = field(default_factory=list)
    """Argument of each successful `sync`; None for all records."""
    status: str | None = None
    n_opened: int = 0

    def open(self, task: Task) -> "FakeDelivery":
        assert task == TASK
        self.n_opened += 1
        return FakeDelivery(self)


@dataclass
class FakeDelivery:
    tracker: FakeTracker

    def sync(self, digests: Collection[str] | None = None) -> int:
        if self.tracker.failures:
            self.tracker.failures -= 1
            raise ConnectionError("no server\nat this address")
        self.tracker.synced.append(None if digests is None else set(digests))
        return 0

    def finish(self, status: str) -> None:
        self.tracker.status = status


class Pipe:
    """Both ends of the pipe between the study and the process that delivers it."""

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        self.stream = FileIO(reading, "r")
        self.has_ended = threading.Event()
        self.inbox = Inbox(self.stream, self.has_ended.set)

    def send(self, *messages: Message) -> None:
        os.write(self._writing, b"".join(map(to_line, messages)))

    def close(self) -> None:
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()
    for thread in threading.enumerate():
        if thread.name == "messages":
            thread.join(PATIENCE_S)
    made.stream.close()


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> FakeTracker:
    made = FakeTracker()
    monkeypatch.setattr(delivery_process, "_open", made.open)
    monkeypatch.setattr(delivery_process, "MAX_WAIT_S", 0.01)
    return made


@pytest.fixture
def in_background(pipe: Pipe) -> Iterator[Callable[[], list[str | None]]]:
    """Delivers in a thread; calling it waits for the end, and returns what `deliver` returned."""
    reasons: list[str | None] = []
    thread = threading.Thread(target=lambda: reasons.append(deliver(TASK, pipe.inbox)), daemon=True)
    thread.start()

    def result() -> list[str | None]:
        thread.join(PATIENCE_S)
        return reasons

    yield result
    assert not thread.is_alive()


@pytest.mark.parametrize("message", [TASK, Recorded(digest="abc"), Ended(status="KILLED")])
def test_messages_are_read_as_they_were_sent(message: Message) -> None:
    line = to_line(message)
    assert line.count(b"\n") == 1
    assert from_line(line) == message


def test_records_that_were_there_come_first_and_only_new_ones_are_read_then(
    tracker: FakeTracker, pipe: Pipe, in_background: Callable[[], list[str | None]]
) -> None:
    wait_until(lambda: tracker.synced == [None], "what was there", patience_s=PATIENCE_S, every_s=0.01)
    pipe.send(Recorded(digest="a"))
    wait_until(lambda: tracker.synced == [None, {"a"}], "the trial", patience_s=PATIENCE_S, every_s=0.01)
    pipe.send(Recorded(digest="b"), Ended(status="FINISHED"))
    assert in_background() == [None]
    assert tracker.synced[-1] is None, "at the end all records count"
    assert (tracker.status, tracker.n_opened) == ("FINISHED", 1)


def test_a_tracker_that_fails_for_a_time_gets_everything_from_a_new_connection(
    tracker: FakeTracker, pipe: Pipe, in_background: Callable[[], list[str | None]]
) -> None:
    wait_until(lambda: tracker.synced == [None], "what was there", patience_s=PATIENCE_S, every_s=0.01)
    tracker.failures = 3
    pipe.send(Recorded(digest="a"))
    wait_until(lambda: tracker.synced == [None, None], "everything again", patience_s=PATIENCE_S, every_s=0.01)
    assert tracker.n_opened == 4
    pipe.send(Ended(status="FAILED"))
    assert in_background() == [None]
    assert tracker.status == "FAILED"


def test_a_dead_tracker_is_given_up_after_the_end_of_the_study_and_not_before(
    tracker: FakeTracker,
    pipe: Pipe,
    in_background: Callable[[], list[str | None]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    tracker.failures = 1000
    pipe.send(Recorded(digest="a"))
    wait_until(lambda: tracker.failures < 1000 - 3 * LAST_TRIES, "many tries", patience_s=PATIENCE_S, every_s=0.01)
    pipe.send(Ended(status="FINISHED"))
    assert in_background() == ["no server"]
    assert tracker.status is None
    assert capfd.readouterr().out == f"{TROUBLE}no server\n", "the trouble is told once"


def test_the_end_of_the_study_process_is_noticed(pipe: Pipe) -> None:
    assert not pipe.has_ended.is_set()
    pipe.send(Recorded(digest="a"))
    pipe.close()
    assert pipe.has_ended.wait(PATIENCE_S)


def test_an_idle_process_looks_for_the_process_that_started_it(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that the study started may hold the pipe open for longer than the study lives."""
    monkeypatch.setattr(delivery_process, "PARENT_CHECK_S", 0.01)
    monkeypatch.setattr("os.getppid", lambda: -1)
    threading.Thread(target=pipe.inbox.wait, daemon=True).start()
    assert pipe.has_ended.wait(PATIENCE_S)
    pipe.send(Recorded(digest="a"))
