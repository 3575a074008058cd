"""Store of a study: values by key under one root, written atomically; attempts are committed by a final record.

Layout under the root, a local folder or a URI that `pyarrow.fs` supports:

    study.json                                       definition of the study, written once
    plan/<number>.json                               segments of the plan, one per proposal, never changed
    trials/<digest>/<attempt>/checkpoint-<step>.pt   state from which a trial is resumed
    trials/<digest>/<attempt>/model.pt               weights with the best validation loss
    trials/<digest>/<attempt>/curves.arrow           curve file (core.storage.curves)
    trials/<digest>/<attempt>/audio/<clip>.<target|estimate>.flac
    trials/<digest>/<attempt>/record.json            record that commits the attempt, written last
    ledger/<number>.arrow                            copies of many records, see core.storage.ledger_segments
    ledger/<number>.reopened.json                    digests whose copies in earlier ledger files no longer count
    data/<sha256>.tar                                a data folder, for machines that lack it
    report/index.html, report/front.png, report/description.md, summary.json    derived and replaceable

An attempt is one execution of a trial by one process. Its files are ignored until its record exists; readers use the
latest committed attempt. Concurrent attempts at a trial, or a worker that was thought lost, therefore cannot mix files.
"""

import json
import logging
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as fs

from core.errors import StoreError
from core.storage.atomic_write import write_atomically, write_new
from core.storage.keys import check_inside, check_key
from core.storage.ledger_segments import LedgerRow, from_segment, to_segment
from core.storage.records import (
    RERUN_ON_RESUME,
    Outcome,
    PlanSegment,
    StudyDefinition,
    StudyPlan,
    TrialRecord,
    definition_from_json,
    definition_to_json,
    record_from_json,
    record_to_json,
    segment_from_json,
    segment_to_json,
)
from core.storage.roots import below, is_uri, shown
from core.storage.s3 import write_if_new

STUDY_KEY = "study.json"
"""Key of the definition of the study."""
PLAN_PREFIX = "plan"
"""Prefix of the keys of plan segments."""
RECORD_NAME = "record.json"
"""Name of the record in an attempt."""
LEDGER_PREFIX = "ledger"
"""Prefix of the keys of ledger segments."""
COMPACT_FROM = 500
"""Number of new records from which a ledger segment is worth its file."""
_log = logging.getLogger(__name__)


class Store:
    """Store of a study: bytes by key under one root."""

    def __init__(self, root: str | Path) -> None:
        """Open a store; nothing is written.

        Args:
            root: A local folder, created on the first write, or a URI such as `s3://bucket/prefix`; see
                `core.storage.roots`.

        Raises:
            StoreError: the URI is invalid.
        """
        self.root = str(root)
        if is_uri(self.root):
            try:
                self._fs, self._base = fs.FileSystem.from_uri(self.root)
            except (pa.ArrowInvalid, OSError) as error:
                raise StoreError(
                    f"a root is a folder or a URI such as s3://bucket/prefix; {shown(self.root)} cannot be opened: "
                    f"{error}"
                ) from error
        else:
            self._fs, self._base = fs.LocalFileSystem(), str(Path(self.root).absolute())

    @property
    def local_root(self) -> Path | None:
        """The root as a path; None if it is not a local folder."""
        return Path(self._base) if isinstance(self._fs, fs.LocalFileSystem) else None

    def below(self, key: str) -> "Store":
        """The store whose root is a key of this one."""
        check_key(key)
        return Store(below(self.root, key))

    def address(self, key: str) -> str:
        """Path or URI of a key, to be shown."""
        return below(shown(self.root), key)

    def file(self, key: str) -> tuple[fs.FileSystem, str]:
        """File system of the store and the path of a key on it, for readers of pyarrow."""
        return self._fs, self._path(key)

    def _path(self, key: str) -> str:
        """Path of a key on the file system; the empty key is the root, for listings."""
        if key:
            check_key(key)
        return f"{self._base}/{key}"

    def _path_to_write(self, key: str) -> str:
        """Path of a key that is about to be written or removed."""
        path = self._path(key)
        if self.local_root is not None:
            check_inside(Path(path), self.local_root)
        return path

    def put(self, key: str, data: bytes) -> None:
        """Write a value; it appears only when complete."""
        path = self._path_to_write(key)
        if self.local_root is not None:
            write_atomically(Path(path), data)
            return
        with self._reported_errors(), self._fs.open_output_stream(path) as stream:
            stream.write(data)

    def put_new(self, key: str, data: bytes) -> None:
        """Write a value under a new key.

        Of any number of concurrent writers of a key, in any processes on any machines, exactly one returns and all
        others raise: in a local or shared folder by a hard link, on S3 by a conditional write. The value is then
        complete and durable, and later reads by any process find it. On other remote file systems, writers that start
        within the same moment may all return; a value that is already there is never replaced.

        Raises:
            StoreError: the key exists already, or the store cannot be written.
        """
        if not self._write_if_new(key, data):
            raise StoreError(f"{shown(self.root)} already holds {key}; another process wrote it: run the command again")

    def _write_if_new(self, key: str, data: bytes) -> bool:
        """Write a value under a new key; returns whether it was written."""
        path = self._path_to_write(key)
        if self.local_root is not None:
            try:
                write_new(Path(path), data)
            except FileExistsError:
                return False
            return True
        if isinstance(self._fs, fs.S3FileSystem):
            return write_if_new(self.root, self._fs.region, path, data)
        if self.has(key):
            return False
        self.put(key, data)
        return self.get(key) == data

    def get(self, key: str) -> bytes:
        """The value of a key.

        Raises:
            StoreError: there is no such key.
        """
        try:
            with self._reported_errors(), self._fs.open_input_stream(self._path(key)) as stream:
                return bytes(stream.read())
        except FileNotFoundError as error:
            raise StoreError(f"{shown(self.root)} holds no {key}") from error

    def drop(self, key: str) -> None:
        """Remove a key."""
        with self._reported_errors():
            self._fs.delete_file(self._path_to_write(key))

    def has(self, key: str) -> bool:
        """Whether the key exists."""
        with self._reported_errors():
            return bool(self._fs.get_file_info(self._path(key)).type == fs.FileType.File)

    def names(self, prefix: str) -> list[str]:
        """Sorted names directly below a prefix, without unfinished writes."""
        path = self._path(prefix)
        if self.local_root is not None:
            # pyarrow asks for the type and size of each file, which takes ten times as long.
            try:
                names = [path.name for path in Path(path).iterdir()]
            except (FileNotFoundError, NotADirectoryError):
                return []
            return sorted(name for name in names if not name.startswith("."))
        selector = fs.FileSelector(path, allow_not_found=True)
        with self._reported_errors():
            infos = self._fs.get_file_info(selector)
        return sorted(info.base_name for info in infos if info.base_name[:1] != ".")

    def all_names(self, prefix: str) -> list[str]:
        """Sorted paths, relative to a prefix, of all values below it, without unfinished writes."""
        base = self._path(prefix).rstrip("/") + "/"
        selector = fs.FileSelector(base, allow_not_found=True, recursive=True)
        with self._reported_errors():
            infos = [info for info in self._fs.get_file_info(selector) if info.type == fs.FileType.File]
        return sorted(info.path.removeprefix(base) for info in infos if info.base_name[:1] != ".")

    @contextmanager
    def _reported_errors(self) -> Iterator[None]:
        """Errors of a remote file system, such as a missing bucket or network, become StoreError."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            if self.local_root is not None:
                raise
            raise StoreError(f"{shown(self.root)} cannot be used: {error}") from error

    @property
    def has_study(self) -> bool:
        """Whether a study has been created."""
        return self.has(STUDY_KEY)

    def create_study(self, definition: StudyDefinition) -> None:
        """Write the definition of a new study.

        Raises:
            StoreError: there is a study already.
        """
        self.put_new(STUDY_KEY, definition_to_json(definition))

    def append_segment(self, segment: PlanSegment) -> None:
        """Add a segment to the end of the plan.

        Raises:
            StoreError: another process added one at the same time.
        """
        number = 1 + max((int(name.partition(".")[0]) for name in self.names(PLAN_PREFIX)), default=0)
        self.put_new(f"{PLAN_PREFIX}/{number:04d}.json", segment_to_json(segment))

    def plan(self) -> StudyPlan:
        """Plan of the study: its definition and all segments.

        Raises:
            StoreError: there is no study, or another version of modstudy stored it with another schema.
        """
        definition = definition_from_json(self.get(STUDY_KEY), self.address(STUDY_KEY))
        names = self.names(PLAN_PREFIX)
        keys = [f"{PLAN_PREFIX}/{name}" for name in names]
        segments = tuple(segment_from_json(self.get(key), self.address(key)) for key in keys)
        return StudyPlan(definition=definition, segments=segments)

    def begin(self, digest: str) -> "Attempt":
        """A new attempt at a trial; its name sorts after those of all earlier ones."""
        earlier = self.names(f"trials/{digest}")
        number = 1 + max((int(name.partition("-")[0]) for name in earlier), default=0)
        return Attempt(self, digest, f"{number:04d}-{secrets.token_hex(3)}")

    def attempts(self, digest: str) -> list["Attempt"]:
        """All attempts at a trial, committed or not, latest first."""
        return [Attempt(self, digest, name) for name in reversed(self.names(f"trials/{digest}"))]

    def committed(self, digest: str) -> "Attempt | None":
        """The latest committed attempt at a trial; None if there is none."""
        return next((attempt for attempt in self.attempts(digest) if attempt.is_committed), None)

    def record(self, digest: str) -> TrialRecord | None:
        """The record of the latest committed attempt at a trial; None if there is none."""
        attempt = self.committed(digest)
        return attempt.record() if attempt else None

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
        for row in compacted.values():
            yield record_from_json(row.record)
        yield from self._other_records(compacted)

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
        key = f"{LEDGER_PREFIX}/{self._next_ledger_number():06d}.arrow"
        self.put_new(key, to_segment(rows))
        try:
            is_intact = from_segment(self.get(key), with_records=True) == rows
        except ValueError:
            is_intact = False
        if not is_intact:
            self.drop(key)
            raise StoreError(
                f"{shown(self.root)} did not return {key} as it was written; check the disk or the object store"
            )
        return len(rows)

    def reopen(self, digests: Sequence[str]) -> None:
        """Note that trials run again, so that their records are read from their attempts instead of ledger segments."""
        key = f"{LEDGER_PREFIX}/{self._next_ledger_number():06d}.reopened.json"
        self.put_new(key, json.dumps(list(digests)).encode())

    def _next_ledger_number(self) -> int:
        """Number of the next file of the ledger."""
        return 1 + max((int(name.partition(".")[0]) for name in self.names(LEDGER_PREFIX)), default=0)

    def _compacted(self, *, with_records: bool) -> dict[str, LedgerRow]:
        """Rows of all ledger segments, by digest, in order; unreadable segments are left out with a warning."""
        rows: dict[str, LedgerRow] = {}
        for name in self.names(LEDGER_PREFIX):
            data = self.get(f"{LEDGER_PREFIX}/{name}")
            if name.endswith(".reopened.json"):
                for digest in json.loads(data):
                    rows.pop(digest, None)
                continue
            try:
                rows |= {row.digest: row for row in from_segment(data, with_records=with_records)}
            except ValueError as error:
                _log.warning("%s/%s/%s is left out: %s", shown(self.root), LEDGER_PREFIX, name, error)
        return rows

    def _other_records(self, compacted: Collection[str]) -> Iterator[TrialRecord]:
        """The records of trials with a committed attempt that are not among the given digests."""
        for digest in self.names("trials"):
            if digest not in compacted and (record := self.record(digest)):
                yield record


def study_names(root: str | Path) -> list[str]:
    """Names of all studies in a root folder, sorted."""
    store = Store(root)
    return [name for name in store.names("") if store.has(f"{name}/{STUDY_KEY}")]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of a trial, which owns the keys below `trials/<digest>/<name>/`."""

    store: Store
    digest: str
    name: str

    def key(self, name: str) -> str:
        """Key in the store of a value of the attempt."""
        return f"trials/{self.digest}/{self.name}/{name}"

    def put(self, name: str, data: bytes) -> None:
        """Write a value of the attempt."""
        self.store.put(self.key(name), data)

    def get(self, name: str) -> bytes:
        """A value of the attempt.

        Raises:
            StoreError: there is no such value.
        """
        return self.store.get(self.key(name))

    def drop(self, name: str) -> None:
        """Remove a value of the attempt."""
        self.store.drop(self.key(name))

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

    def commit(self, record: TrialRecord) -> None:
        """Write the record, after all other values of the attempt.

        Raises:
            StoreError: the record belongs to another attempt.
        """
        if (record.digest, record.attempt) != (self.digest, self.name):
            raise StoreError(f"record of {record.digest}/{record.attempt} does not belong to {self.digest}/{self.name}")
        self.put(RECORD_NAME, record_to_json(record))

    def record(self) -> TrialRecord:
        """The record of a committed attempt.

        Raises:
            StoreError: the attempt is not committed, or its record has another schema version.
        """
        return record_from_json(self.get(RECORD_NAME), self.store.address(self.key(RECORD_NAME)))
