"""The studies of a root as the index page shows them: state, and for those that run rates and losses over time."""

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from dashboards.durations import duration
from study.root_index import RootIndex, StudyEntry

REFRESH_S = 1.0
"""Minimum time between two readings of the root, however many pages ask."""
MAX_POINTS = 240
"""Number of points of a curve of the loss; older ones are dropped."""
RATE_S = 300.0
"""Time over which the rate of trials is averaged."""
SPARK_WIDTH, SPARK_HEIGHT = 120, 28
"""Size of the curve of a loss in pixels."""
_ORDER = {"running": 0, "broken": 1, "incomplete": 2, "finished": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTrial:
    """A running trial as shown."""

    label: str
    step: int
    max_steps: int
    loss: str
    rate: str
    """Training steps per second; empty if unknown."""
    path: str
    """SVG path of the loss over the steps that were seen; empty for less than two."""

    @property
    def share(self) -> float:
        """Share of the steps that are done, in percent."""
        return 100 * min(1.0, self.step / self.max_steps) if self.max_steps else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyView:
    """A study as shown."""

    entry: StudyEntry
    id: str
    """Id of the study's part of the page."""
    folder: str
    """Path of the files of the study on the index server, without a slash in front."""
    version: str
    """Changes with the results, so that a browser loads a changed picture again."""
    counts: str
    """Numbers of trials by outcome."""
    n_done: int
    activity: str
    """What the driver does, the rate of trials, and the time left; empty if the study is not running."""
    running: tuple[RunningTrial, ...]
    charts: str | None
    """Address of the study's charts in MLflow; None if it is not there."""
    run: str | None
    """Address of the run of the study in MLflow; None if it is not there."""

    @property
    def share(self) -> float:
        """Share of the planned trials that are done, in percent."""
        return 100 * min(1.0, self.n_done / self.entry.planned) if self.entry.planned else 0.0


@dataclass(slots=True)
class _Seen:
    """What earlier readings have shown of a running study."""

    done: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=1000))
    """Time and number of trials that were done."""
    points: dict[str, deque[tuple[float, int, float]]] = field(default_factory=dict)
    """Time, step and loss of each running trial, by label."""


class LiveStudies:
    """Reads the root when a page asks, and remembers what running trials reported."""

    def __init__(self, root: str, links: Callable[[str], tuple[str, str] | None] = lambda name: None) -> None:  # noqa: ARG005
        """Nothing is read yet.

        Args:
            root: Folder or URI of all studies.
            links: Returns the addresses of the charts and of the run of a study in MLflow; None if it is not there.
        """
        self.index = RootIndex(root)
        self._links = links
        self._lock = threading.Lock()
        self._views: tuple[StudyView, ...] = ()
        self._read_at = float("-inf")
        self._seen: dict[str, _Seen] = {}

    def views(self) -> tuple[StudyView, ...]:
        """All studies: running ones first, then those whose results are the latest."""
        with self._lock:
            if time.monotonic() - self._read_at >= REFRESH_S:
                entries = sorted(self.index.entries(), key=lambda entry: entry.finished_at, reverse=True)
                entries.sort(key=lambda entry: _ORDER[entry.state])
                self._views = tuple(map(self._view, entries))
                self._read_at = time.monotonic()
            return self._views

    def names(self) -> set[str]:
        """Names of all studies."""
        return {view.entry.name for view in self.views()}

    def _view(self, entry: StudyEntry) -> StudyView:
        """The view of a study."""
        beat: Mapping[str, Any] = entry.lease.heartbeat if entry.lease else {}
        progress: Mapping[str, Any] = beat.get("progress") or {}
        seen = self._seen.setdefault(entry.name, _Seen()) if entry.lease else _Seen()
        if entry.lease is None:
            self._seen.pop(entry.name, None)
        n_done = int(progress.get("done", entry.n_recorded))
        at = float(beat.get("at", 0.0))
        if not seen.done or seen.done[-1][0] != at:
            seen.done.append((at, n_done))
        links = self._links(entry.name) if entry.state != "broken" else None
        results = f"{entry.n_recorded} {entry.finished_at} {entry.state}"
        return StudyView(
            entry=entry,
            id=f"study-{quote(entry.name, safe='')}",
            folder=f"studies/{quote(entry.name, safe='')}",
            version=hashlib.sha256(results.encode()).hexdigest()[:12],
            counts=", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in entry.outcomes.items()),
            n_done=n_done,
            activity=_activity(entry, beat, progress, seen) if entry.lease else "",
            running=tuple(_running(trial, at, seen) for trial in progress.get("running", ())),
            charts=links[0] if links else None,
            run=links[1] if links else None,
        )


# ---------------------------------------------------------------------------------------------------------------------


def _activity(entry: StudyEntry, beat: Mapping[str, Any], progress: Mapping[str, Any], seen: _Seen) -> str:
    """What a driver does, where, how fast, and for how long."""
    parts = [f"{beat.get('phase', 'starting')} on {entry.where}"]
    if progress.get("failed"):
        parts.append(f"{progress['failed']} failed")
    recent = [(at, done) for at, done in seen.done if at >= seen.done[-1][0] - RATE_S]
    if len(recent) > 1 and (n_trials := recent[-1][1] - recent[0][1]) > 0:
        per_minute = 60 * n_trials / (recent[-1][0] - recent[0][0])
        parts.append(f"{per_minute:.3g} trials a minute")
    if (left := progress.get("seconds_left")) is not None:
        parts.append(f"about {duration(float(left))} left")
    if (silence := time.time() - float(beat.get("at", time.time()))) > 15:
        parts.append(f"last heard of {duration(silence)} ago")
    return "; ".join(parts)


def _running(trial: Mapping[str, Any], at: float, seen: _Seen) -> RunningTrial:
    """A running trial, whose loss is added to what was seen before."""
    label, step, loss = str(trial["label"]), int(trial["step"]), trial.get("loss")
    points = seen.points.setdefault(label, deque(maxlen=MAX_POINTS))
    if points and step < points[-1][1]:
        # The trial began again.
        points.clear()
    if loss is not None and (not points or points[-1][1] != step):
        points.append((at, step, float(loss)))
    rate = ""
    if len(points) > 1 and points[-1][0] > points[0][0]:
        rate = f"{(points[-1][1] - points[0][1]) / (points[-1][0] - points[0][0]):.3g} steps/s"
    return RunningTrial(
        label=label,
        step=step,
        max_steps=int(trial["max_steps"]),
        loss="" if loss is None else f"{float(loss):.4g}",
        rate=rate,
        path=_path([(float(each[1]), each[2]) for each in points]),
    )


def _path(points: list[tuple[float, float]]) -> str:
    """SVG path through points in a box of the size of a curve; empty for less than two."""
    if len(points) < 2:
        return ""
    (left, right), (low, high) = ((min(axis), max(axis)) for axis in zip(*points, strict=True))
    width, height = (right - left) or 1.0, (high - low) or 1.0
    places = [
        f"{SPARK_WIDTH * (x - left) / width:.1f} {SPARK_HEIGHT * (1 - (y - low) / height):.1f}" for x, y in points
    ]
    return "M" + "L".join(places)


def summary_of(views: tuple[StudyView, ...]) -> str:
    """How many studies there are, and how many of them run."""
    n_running = sum(view.entry.state == "running" for view in views)
    return f"{len(views)} {'study' if len(views) == 1 else 'studies'}, {n_running} running"
