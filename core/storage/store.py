"""Store of a study: values by key under one root, written atomically; attempts are committed by a final record.

Layout under the root, a local folder or a URI that `pyarrow.fs` supports:

    study.json, study-copy.json                      definition of the study, written once, and its copy
    plan/<number>.json, plan-copy/<number>.json      segments of the plan, one per proposal, never changed
    trials/<digest>/<attempt>/checkpoint-<step>.pt   state from which a trial is resumed
    trials/<digest>/<attempt>/model.pt               weights with the best validation loss
    trials/<digest>/<attempt>/curves.arrow           curve file (core.storage.curves)
    trials/<digest>/<attempt>/clip_values.arrow      metrics of each test clip (core.storage.clip_values)
    trials/<digest>/<attempt>/audio/<clip>.<target|estimate>.flac
    trials/<digest>/<attempt>/record.json            record that commits the attempt, written last
    ledger/<number>.arrow                            copies of many records, see core.storage.ledger_segments
    ledger/<number>.reopened.json                    digests whose copies in earlier ledger files no longer count
    damaged/<key>                                    files that were damaged, moved away when the study was resumed
    data/<sha256>.tar                                a data folder, for machines that lack it
    report/index.html, report/front.png, report/description.md, summary.json    derived and replaceable

An attempt is one execution of a trial by one process. Its files are ignored until its record exists; readers use the
latest committed attempt. Concurrent attempts at a trial, or a worker that was thought lost, therefore cannot mix files.

The record has size and sha256 of all files of its attempt, and all files that are JSON have their own sha256, so damage
is noticed. A trial whose record is damaged counts as one without a record: readers warn, and go on with the rest.
"""

import logging
import re
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.errors import DamageError, MissingError, StoreError
from core.storage import ledger, plan_files
from core.storage.integrity import problem_of_content, problem_of_size, stored_file
from core.storage.keys import check_key
from core.storage.ledger_segments import LedgerRow
from core.storage.records import (
    RERUN_ON_RESUME,
    Outcome,
    PlanSegment,
    StoredFile,
    StudyDefinition,
    StudyPlan,
    TrialRecord,
)
from core.storage.roots import below, shown
from core.storage.serialisation import RERUN, record_from_json, record_to_json
from core.storage.values import Values

RECORD_NAME = "record.json"
"""Name of the record in an attempt."""
TRIALS_PREFIX = "trials"
"""Prefix of the keys of attempts."""
ATTEMPT_NAME = re.compile(r"\d{4,9}-\w+")
"""Names of attempts."""
DAMAGED_PREFIX = "damaged"
"""Prefix of the keys of damaged files that were moved away."""
COMPACT_FROM = 500
"""Number of new records from which a ledger segment is worth its file."""
_MAX_WARNINGS = 10
"""Number of damaged files that a store warns of one by one."""
_MAX_PROBLEM = 300
"""Maximum number of characters of what is wrong with a file."""
_log = logging.getLogger(__name__)


class Store(Values):
    """Store of a study: values by key under one root, and what a study keeps there."""

    def __init__(self, root: str | Path) -> None:
        """Open a store; arguments and errors are those of `Values`."""
        super().__init__(root)
        self.damage: dict[str, str | None] = {}
        """Damage that was found so far: by sentence, the digest of the trial that does not count; None for others."""

    def below(self, key: str) -> "Store":
        """The store whose root is a key of this one."""
        check_key(key)
        return Store(below(self.root, key))

    def note_damage(self, sentence: str, digest: str | None = None) -> None:
        """Warn of damage that readers pass over, once for each sentence; of much damage, the first is told.

        Args:
            sentence: The file, what is wrong with it, and what follows.
            digest: Trial that counts as one without a record.
        """
        if sentence in self.damage:
            return
        self.damage[sentence] = digest
        if len(self.damage) <= _MAX_WARNINGS:
            _log.warning("%s", sentence)
        elif len(self.damage) == _MAX_WARNINGS + 1:
            _log.warning("further files in %s are damaged; `modstudy verify` lists all of them", shown(self.root))

    @contextmanager
    def passing_over_damage(self) -> Iterator[None]:
        """A damaged file that is read in the block ends the block with a warning instead of an error."""
        try:
            yield
        except (DamageError, MissingError) as error:
            problem = error.problem if isinstance(error, DamageError) else str(error)
            self.note_damage(f"{problem}, so it is left out; {RERUN}")

    @property
    def damaged_trials(self) -> dict[str, str]:
        """What is wrong with the records of trials that do not count, by digest, as far as was found."""
        return {digest: sentence for sentence, digest in self.damage.items() if digest is not None}

    def set_aside(self, key: str) -> str:
        """Move a damaged value, or a folder of a local root, to a free key below `damaged`, which is returned."""
        target, number = f"{DAMAGED_PREFIX}/{key}", 1
        folder = target.rpartition("/")[0]
        taken = self.names(folder)
        while target.rpartition("/")[2] in taken:
            number += 1
            target = f"{DAMAGED_PREFIX}/{key}.{number}"
        self.move(key, target)
        return target

    @property
    def has_study(self) -> bool:
        """Whether a study has been created."""
        return self.has(plan_files.STUDY_KEY) or self.has(plan_files.STUDY_COPY_KEY)

    def create_study(self, definition: StudyDefinition) -> None:
        """Write the definition of a new study.

        Raises:
            StoreError: there is a study already.
        """
        plan_files.create_plan(self, definition)

    def append_segment(self, segment: PlanSegment) -> None:
        """Add a segment to the end of the plan.

        Raises:
            StoreError: another process added one at the same time.
        """
        plan_files.append_segment(self, segment)

    def plan(self) -> StudyPlan:
        """Plan of the study: its definition and all segments; a damaged file is read from its copy, with a warning.

        Raises:
            DamageError: a file and its copy are damaged.
            StoreError: there is no study, or another version of modstudy stored it with another schema.
        """
        return plan_files.read_plan(self, self.note_damage)

    def begin(self, digest: str) -> "Attempt":
        """A new attempt at a trial; its name sorts after those of all earlier ones."""
        earlier = [name for name in self.names(f"{TRIALS_PREFIX}/{digest}") if ATTEMPT_NAME.fullmatch(name)]
        number = 1 + max((int(name.partition("-")[0]) for name in earlier), default=0)
        return Attempt(self, digest, f"{number:04d}-{secrets.token_hex(3)}", files={})

    def attempts(self, digest: str) -> list["Attempt"]:
        """All attempts at a trial, committed or not, latest first."""
        names = reversed(self.names(f"{TRIALS_PREFIX}/{digest}"))
        return [Attempt(self, digest, name) for name in names if ATTEMPT_NAME.fullmatch(name)]

    def committed(self, digest: str) -> "Attempt | None":
        """The latest committed attempt at a trial; None if there is none, or, with a warning, if it is damaged."""
        found = self._committed(digest)
        return found[0] if found else None

    def record(self, digest: str) -> TrialRecord | None:
        """The record of the latest committed attempt at a trial; None as in `committed`."""
        found = self._committed(digest)
        return found[1] if found else None

    def attempt_of(self, record: TrialRecord) -> "Attempt":
        """The committed attempt of a record."""
        return Attempt(self, record.digest, record.attempt, files=dict(record.files))

    def _committed(self, digest: str) -> "tuple[Attempt, TrialRecord] | None":
        """The latest committed attempt and its record; None as in `committed`."""
        try:
            attempt = next((attempt for attempt in self.attempts(digest) if attempt.is_committed), None)
            data = attempt.get(RECORD_NAME) if attempt else None
        except DamageError as error:
            self.note_damage(f"{error.problem}, so its trial does not count; {RERUN}", digest)
            return None
        except MissingError:
            return None
        if attempt is None or data is None:
            return None
        try:
            record = attempt.record_from(data)
        except DamageError as error:
            self.note_damage(f"{error.problem}, so its trial does not count; {RERUN}", digest)
            return None
        except StoreError as error:
            self.note_damage(f"{error}; its trial does not count", digest)
            return None
        return self.attempt_of(record), record

    def outcomes(self) -> dict[str, Outcome]:
        """Outcomes of all trials with a committed attempt, by digest; faster than reading the records."""
        return {digest: row.outcome for digest, row in self.rows().items()}

    def rows(self) -> dict[str, LedgerRow]:
        """Outcome and end of all trials with a committed attempt, by digest, without the rest of their records."""
        rows = self._compacted(with_records=False)
        for record in self._other_records(frozenset(rows)):
            rows[record.digest] = LedgerRow(record.digest, record.outcome, record.finished_at, b"")
        return rows

    def ledger(self) -> Iterator[TrialRecord]:
        """The records of all trials with a committed attempt."""
        compacted = self._compacted(with_records=True)
        unreadable = set()
        for row in compacted.values():
            try:
                yield record_from_json(row.record, f"the copy of the record of {row.digest} in the ledger")
            except StoreError as error:
                self.note_damage(f"{error}; the record itself is read")
                unreadable.add(row.digest)
        yield from self._other_records(compacted.keys() - unreadable)

    def compact(self) -> int:
        """Copy the records that are in no ledger segment into a new one, and return their number.

        Nothing is written for fewer than `COMPACT_FROM` records. Records of trials that may run again are left out, and
        no record is removed. The segment is read back, and dropped if it differs from what was written.
        """
        compacted = self._compacted(with_records=False)
        rows = [
            LedgerRow(record.digest, record.outcome, record.finished_at, record_to_json(record))
            for record in self._other_records(compacted)
            if record.outcome not in RERUN_ON_RESUME
        ]
        if len(rows) < COMPACT_FROM:
            return 0
        ledger.append_rows(self, rows)
        return len(rows)

    def reopen(self, digests: Sequence[str]) -> None:
        """Note that trials run again, so that their records are read from their attempts instead of ledger segments."""
        ledger.append_reopened(self, digests)

    def _compacted(self, *, with_records: bool) -> dict[str, LedgerRow]:
        """Rows of all ledger segments, by digest, in order; unreadable segments are left out with a warning."""
        return ledger.read_rows(self, self.note_damage, with_records=with_records)

    def _other_records(self, compacted: Collection[str]) -> Iterator[TrialRecord]:
        """The records of trials with a committed attempt that are not among the given digests."""
        for digest in self.names(TRIALS_PREFIX):
            if digest not in compacted and (record := self.record(digest)):
                yield record


def study_names(root: str | Path) -> list[str]:
    """Names of all studies in a root folder, sorted."""
    store = Store(root)
    return [name for name in store.names("") if store.below(name).has_study]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of a trial, which owns the keys below `trials/<digest>/<name>/`."""

    store: Store
    digest: str
    name: str
    files: dict[str, StoredFile] | None = field(default=None, compare=False, repr=False)
    """Files that were put so far, or that the record of a committed attempt has; None if the record was not read."""

    def key(self, name: str) -> str:
        """Key in the store of a value of the attempt."""
        return f"{TRIALS_PREFIX}/{self.digest}/{self.name}/{name}"

    def put(self, name: str, data: bytes, *, is_temporary: bool = False) -> None:
        """Write a value of the attempt.

        Args:
            name: Its name.
            data: The value.
            is_temporary: Whether the value does not belong to the result, so that the record leaves it out.
        """
        self.store.put(self.key(name), data)
        if self.files is not None and not is_temporary:
            self.files[name] = stored_file(data)

    def get(self, name: str) -> bytes:
        """A value of the attempt.

        Raises:
            DamageError: it is not as it was when the attempt was committed.
            MissingError: there is no such value.
        """
        expected = (self.files or {}).get(name)
        return self.store.get(self.key(name)) if expected is None else self.get_verified(name, expected)

    def get_verified(self, name: str, expected: StoredFile) -> bytes:
        """A value of the attempt that has the size and hash in its record.

        Raises:
            DamageError: it has not, or is missing.
        """
        is_local = self.store.local_root is not None
        # The size comes first, so that a file that has become huge is not read; remote stores need a request for it.
        if is_local and (problem := problem_of_size(self.store.size(self.key(name)), expected)):
            raise self.damage(name, problem)
        try:
            data = self.store.get(self.key(name))
        except MissingError as error:
            raise self.damage(name, "it is missing") from error
        if problem := problem_of_content(data, expected):
            raise self.damage(name, problem)
        return data

    def damage(self, name: str, problem: str) -> DamageError:
        """The error for a damaged value, on one line."""
        text = " ".join(problem.split())[:_MAX_PROBLEM]
        return DamageError(f"{self.store.address(self.key(name))} is damaged: {text}", RERUN)

    def stored_files(self) -> Mapping[str, StoredFile]:
        """The files of a committed attempt by name; without an entry for the record.

        Raises:
            DamageError: its record is damaged.
            MissingError: it is not committed.
        """
        return self.record().files if self.files is None else self.files

    def drop(self, name: str) -> None:
        """Remove a value of the attempt."""
        self.store.drop(self.key(name))
        if self.files is not None:
            self.files.pop(name, None)

    def names(self, prefix: str = "") -> list[str]:
        """Sorted names directly below a prefix within the attempt."""
        return self.store.names(self.key(prefix).rstrip("/"))

    def all_names(self) -> list[str]:
        """Sorted paths of all values of the attempt."""
        return self.store.all_names(self.key("").rstrip("/"))

    @property
    def is_committed(self) -> bool:
        """Whether the attempt has a record."""
        return self.store.has(self.key(RECORD_NAME))

    def commit(self, record: TrialRecord) -> TrialRecord:
        """Write the record, after all other values of the attempt, and return it with their sizes and hashes.

        Raises:
            StoreError: the record belongs to another attempt, or cannot be written.
        """
        if (record.digest, record.attempt) != (self.digest, self.name):
            raise StoreError(f"record of {record.digest}/{record.attempt} does not belong to {self.digest}/{self.name}")
        record = replace(record, files=dict(self.files or {}))
        self.store.put(self.key(RECORD_NAME), record_to_json(record))
        return record

    def record(self) -> TrialRecord:
        """The record of a committed attempt.

        Raises:
            DamageError: the record is damaged, or belongs to another attempt.
            MissingError: the attempt is not committed.
            StoreError: the record has another schema version.
        """
        return self.record_from(self.store.get(self.key(RECORD_NAME)))

    def record_from(self, data: bytes) -> TrialRecord:
        """The record in the content of its file; errors are those of `record`."""
        record = record_from_json(data, self.store.address(self.key(RECORD_NAME)))
        if (record.digest, record.attempt) != (self.digest, self.name):
            raise self.damage(
                RECORD_NAME, f"it belongs to {record.digest[:40]}/{record.attempt[:40]}, and was moved here"
            )
        return record
