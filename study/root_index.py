"""The studies of a root with their states, for lists and overview pages.

Nothing here waits for a driver or writes to a store, and a study that cannot be read is listed with the reason.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from core.errors import ConfigError, ModstudyError
from core.storage.ledger import ledger_names
from core.storage.ledger_segments import LedgerRow
from core.storage.plan_files import n_segments
from core.storage.records import RERUN_ON_RESUME, Outcome, StudyPlan
from core.storage.roots import below, checked_root
from core.storage.store import TRIALS_PREFIX, Store
from dashboards.report.keys import FRONT_KEY, PAGE_KEY
from study.execution.lease import LeaseState, latest_lease, seems_alive

StudyState = Literal["running", "finished", "incomplete", "broken"]
"""State of a study: a driver runs it; nothing is left to run; `resume` would continue it; it cannot be read."""
UNREADABLE = (ModstudyError, ValueError, TypeError, KeyError, OSError)
"""Errors of a store whose files are damaged, or were written by another version."""

MAX_REASON = 300
"""Maximum number of characters of the reason why a study cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyEntry:
    """A study of a root."""

    name: str
    state: StudyState
    question: str = ""
    n_arms: int = 0
    planned: int = 0
    """Number of planned trials."""
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    """Number of planned trials by outcome, without outcomes that no trial has."""
    started_at: str = ""
    """Time at which the study was planned, in ISO 8601; empty if unknown."""
    finished_at: str = ""
    """Time at which the last recorded trial ended, in ISO 8601; empty if there is no record."""
    lease: LeaseState | None = None
    """Lease of the driver with its progress; None if the study is not running."""
    front_key: str | None = None
    """Key of the figure of the front in the store of the study; None if there is no report yet."""
    page_key: str | None = None
    """Key of the page of the report in the store of the study; None if there is no report yet."""
    error: str = ""
    """Why the study is broken, or incomplete although no process runs it, and what is damaged; empty if nothing is."""

    @property
    def n_recorded(self) -> int:
        """Number of planned trials with a record."""
        return sum(self.outcomes.values())

    @property
    def n_open(self) -> int:
        """Number of planned trials that would run."""
        return self.planned - self.n_recorded + sum(self.outcomes.get(outcome, 0) for outcome in RERUN_ON_RESUME)

    @property
    def where(self) -> str:
        """Where the study runs, such as `node-7 (process 41)`; empty if it is not running."""
        return "" if self.lease is None else f"{self.lease.holder.host} (process {self.lease.holder.pid})"


def root_index(root: str) -> tuple[StudyEntry, ...]:
    """All studies of a root, sorted by name."""
    return RootIndex(root).entries()


class RootIndex:
    """Lists the studies of a root again and again; what cannot have changed since the last time is not read again."""

    def __init__(self, root: str) -> None:
        """Open a root; nothing is read.

        Args:
            root: Folder of all studies, or a URI that `pyarrow.fs` supports.
        """
        self.root = root
        self._store = Store(checked_root(root))
        self._known: dict[str, _KnownStudy] = {}

    def store(self, name: str) -> Store:
        """The store of a study."""
        return Store(below(self.root, name))

    def entries(self) -> tuple[StudyEntry, ...]:
        """All studies, sorted by name."""
        names = [name for name in self._store.names("") if self.store(name).has_study]
        self._known = {name: self._known.get(name) or _KnownStudy(name, self.store(name)) for name in names}
        return tuple(known.entry() for known in self._known.values())


# ---------------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _KnownStudy:
    """A study, and what was read of it."""

    name: str
    store: Store
    plan: StudyPlan | None = None
    rows: dict[str, LedgerRow] = field(default_factory=dict)
    """Outcomes that are known, by digest."""
    drivers: tuple[str | int, ...] = ()
    """Ledger files, latest lease, and whether it has ended: records change only with these, or while a driver runs."""
    last_entry: StudyEntry | None = None
    """The last entry, if the study was not running."""

    def entry(self) -> StudyEntry:
        """The entry of the study, from what has changed."""
        try:
            return self._entry()
        except UNREADABLE as error:
            lines = str(error).split("\n") if str(error) else [type(error).__name__]
            reason = ": ".join(line.strip() for line in lines[:2])
            return StudyEntry(name=self.name, state="broken", error=reason[:MAX_REASON])

    def _entry(self) -> StudyEntry:
        lease = latest_lease(self.store)
        is_running = lease is not None and seems_alive(lease, time.time())
        self._forget_what_may_have_changed(lease)
        if self.last_entry is None:
            self.plan = self.plan or self.store.plan()
            self._read_rows()
            state: StudyState = "running"
            error = ""
            if not is_running:
                state, error = self._state(self.plan, lease)
            error = "; ".join([*([error] if error else []), *self._damage()])[:MAX_REASON]
            entry = StudyEntry(
                name=self.name,
                state=state,
                question=self.plan.question,
                n_arms=len(self.plan.arms),
                planned=len(self.plan.trials),
                outcomes=self._outcomes(self.plan),
                started_at=next((segment.created_at for segment in self.plan.segments if segment.created_at), ""),
                finished_at=max((row.finished_at for row in self.rows.values()), default=""),
                lease=lease if is_running else None,
                error=error,
            )
            self.last_entry = None if is_running else entry
        else:
            entry = self.last_entry
        return replace(
            entry,
            front_key=FRONT_KEY if self.store.has(FRONT_KEY) else None,
            page_key=PAGE_KEY if self.store.has(PAGE_KEY) else None,
        )

    def _forget_what_may_have_changed(self, lease: LeaseState | None) -> None:
        """Drop the plan if it has grown, and outcomes if a driver has started or ended since they were read."""
        if self.plan is not None and len(self.plan.segments) != n_segments(self.store):
            self.plan, self.last_entry = None, None
        drivers: tuple[str | int, ...] = (
            *ledger_names(self.store),
            0 if lease is None else lease.epoch,
            lease is None or lease.is_released or not seems_alive(lease, time.time()),
        )
        if drivers != self.drivers:
            self.rows, self.drivers, self.last_entry = {}, drivers, None
            self.store.damage.clear()

    def _read_rows(self) -> None:
        """Read the outcomes that are not known yet, and those that a driver may replace."""
        if not self.rows:
            self.rows = self.store.rows()
            return
        for digest in self.store.names(TRIALS_PREFIX):
            row = self.rows.get(digest)
            if (row is None or row.outcome != "finished") and (record := self.store.record(digest)):
                self.rows[digest] = LedgerRow(digest, record.outcome, record.finished_at, b"")

    def _damage(self) -> list[str]:
        """The first damage that was found, and the number of further ones."""
        sentences = list(self.store.damage)
        more = [f"and {len(sentences) - 1} more: modstudy verify {self.name}"] if len(sentences) > 1 else []
        return [*sentences[:1], *more]

    def _outcomes(self, plan: StudyPlan) -> dict[Outcome, int]:
        """Number of planned trials by outcome."""
        counts = Counter(self.rows[trial.digest].outcome for trial in plan.trials if trial.digest in self.rows)
        return {outcome: counts[outcome] for outcome in get_args(Outcome) if counts[outcome]}

    def _state(self, plan: StudyPlan, lease: LeaseState | None) -> tuple[StudyState, str]:
        """State of a study that is not running, and why it is incomplete if there is a reason to tell."""
        outcomes = [row.outcome if (row := self.rows.get(trial.digest)) else None for trial in plan.trials]
        if outcomes and not any(outcome in (None, *RERUN_ON_RESUME) for outcome in outcomes):
            from study.execution.stages import next_proposal

            try:
                if next_proposal(self.store, plan) is None:
                    return "finished", ""
            except ConfigError as error:
                # Such as a custom sampler that cannot be imported here.
                return "incomplete", f"it cannot go on: {error}".splitlines()[0]
        if lease is not None and not lease.is_released:
            return "incomplete", f"its process on {lease.holder.host} ended before the study did"
        return "incomplete", ""
