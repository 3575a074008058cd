"""Process that delivers a running study to MLflow, so that the work of the tracker does not slow down the study.

It is started by `study.tracking.tracker`, reads messages from its standard input, and ends when it has delivered
everything after the last one. If the process of the study is gone, so is the input, and this process ends without
delivering more; the next delivery continues from there. If the tracker fails, it is tried again after a growing wait,
until the study has ended and a few more tries have failed.
"""

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from io import RawIOBase
from typing import TYPE_CHECKING, assert_never

from core.errors import StudyError
from core.storage.store import Store
from study.tracking.database import check_database, database_path
from study.tracking.environment import set_environment
from study.tracking.locks import delivery_lock
from study.tracking.messages import Ended, Message, Recorded, Task, from_line
from study.tracking.reasons import reason_of

if TYPE_CHECKING:
    from study.tracking.delivery import Delivery

TRACKER_FAILED, STUDY_GONE = 3, 4
"""Exit codes: the tracker could not be updated, and the process of the study is gone."""
TROUBLE = "tracker: "
"""Beginning of a line of output with the reason why the tracker could not be updated."""
NICENESS = 10
"""Added to the niceness of the process: trials come first."""
LAST_TRIES = 4
"""Number of failures in a row with which the process gives up after the end of the study; before, it reports them."""
LAST_TRIES_S = 5.0
"""Time after the end of the study from which a failure is the last one, however many there were."""
MAX_WAIT_S = 30.0
"""Longest wait between two tries."""
PARENT_CHECK_S = 10.0
"""Interval at which an idle process checks whether the process of the study is still there."""


class Inbox:
    """Messages of the study that have arrived: the recorded trials, and the final status."""

    def __init__(self, stream: RawIOBase, on_end_of_stream: Callable[[], None]) -> None:
        """Begin to read messages in a thread."""
        self._stream = stream
        self._on_end_of_stream = on_end_of_stream
        self._parent = os.getppid()
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.digests: set[str] = set()
        """Trials that were recorded since the last call of `take`."""
        self.final_status: str | None = None
        """Final MLflow status of the study; None while it runs."""
        threading.Thread(target=self._read, name="messages", daemon=True).start()

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait for a message, at most for the given time in seconds, and take in all that have arrived."""
        try:
            self._take_in(self._next(timeout_s))
            while True:
                self._take_in(self._queue.get_nowait())
        except queue.Empty:
            pass

    def take(self) -> set[str]:
        """The trials that were recorded since the last call."""
        digests, self.digests = self.digests, set()
        return digests

    def pause(self, duration_s: float) -> bool:
        """Take in messages for a time in seconds, or until the study ends; return whether it has just ended."""
        had_ended = self.final_status is not None
        deadline = time.monotonic() + duration_s
        while (remaining := deadline - time.monotonic()) > 0 and (had_ended or self.final_status is None):
            self.wait(remaining)
        return self.final_status is not None and not had_ended

    def _next(self, timeout_s: float | None) -> Message:
        """The next message; raises queue.Empty after the given time."""
        if timeout_s is not None:
            return self._queue.get(timeout=timeout_s)
        while True:
            try:
                return self._queue.get(timeout=PARENT_CHECK_S)
            except queue.Empty:
                # A process that the study started could hold the pipe open.
                if os.getppid() != self._parent:
                    self._on_end_of_stream()

    def _take_in(self, message: Message) -> None:
        """Add a message to what has arrived."""
        match message:
            case Recorded(digest=digest):
                self.digests.add(digest)
            case Ended(status=status):
                self.final_status = status
            case Task():
                raise ValueError("a task is sent once, as the first message")
            case _:
                assert_never(message)

    def _read(self) -> None:
        """Body of the thread: read messages to the end of the stream."""
        for line in self._stream:
            self._queue.put(from_line(line))
        self._on_end_of_stream()


def deliver(task: Task, inbox: Inbox) -> str | None:
    """Deliver a study until it ends, and return None, or the reason if the tracker could not be updated."""
    delivery: Delivery | None = None
    n_failures = 0
    ended_s: float | None = None
    while True:
        if delivery is not None and not inbox.digests and inbox.final_status is None:
            inbox.wait()
        final_status, digests = inbox.final_status, inbox.take()
        if final_status is not None and ended_s is None:
            ended_s = time.monotonic()
        try:
            if delivery is None or final_status is not None:
                # All records count, because messages may have been lost with an earlier process.
                delivery = delivery or _open(task)
                delivery.sync()
            else:
                delivery.sync(digests)
            n_failures = 0
            if final_status is not None:
                delivery.finish(final_status)
                return None
        except Exception as error:  # noqa: BLE001 - whatever a tracker raises, the next try may succeed
            delivery = None
            n_failures += 1
            reason = reason_of(error)
            is_late = ended_s is not None and time.monotonic() - ended_s > LAST_TRIES_S
            # What a person must mend first is not tried again at the end.
            is_hopeless = isinstance(error, StudyError)
            if final_status is not None and (n_failures >= LAST_TRIES or is_late or is_hopeless):
                return reason
            if n_failures == LAST_TRIES:
                print(TROUBLE + reason, flush=True)  # noqa: T201 - read by the process of the study
            if inbox.pause(min(2.0 ** (n_failures - 1), MAX_WAIT_S)):
                n_failures = 0


def main() -> int:
    """Deliver the study that the first message names, and return the exit code."""
    os.nice(NICENESS)
    set_environment()
    # Unbuffered, because the interpreter could not end while the thread waits with the lock of a buffer.
    messages = open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)  # noqa: SIM115 - a descriptor
    task = from_line(messages.readline())
    assert isinstance(task, Task)
    inbox = Inbox(messages, on_end_of_stream=lambda: os._exit(STUDY_GONE))
    try:
        with delivery_lock(Store(task.root)):
            reason = deliver(task, inbox)
    except StudyError as error:
        reason = str(error)
    if reason is None:
        return 0
    print(TROUBLE + reason, flush=True)  # noqa: T201 - read by the process of the study
    return TRACKER_FAILED


def _open(task: Task) -> "Delivery":
    """Connect to the tracker; its database is looked at before MLflow is imported, which takes seconds."""
    if path := database_path(task.tracking_uri):
        check_database(path)
    from study.tracking.delivery import Delivery

    return Delivery(Store(task.root), task.tracking_uri, task.artifact_location)


if __name__ == "__main__":
    sys.exit(main())
