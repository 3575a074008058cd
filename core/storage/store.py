"""Everything that a study stores, under one root: immutable keys, written whole, committed by a record that comes last.

Layout under the root (a local folder, or any URI that `pyarrow.fs` knows):

    study.json                                       the study's definition, written once
    plan/<number>.json                               the plan's segments: each stage adds one, none ever changes
    trials/<digest>/<attempt>/checkpoint-<step>.pt   what an interrupted trial goes on from
    trials/<digest>/<attempt>/model.pt               weights of the best validation
    trials/<digest>/<attempt>/curves.arrow           recovered curves (core.storage.curves)
    trials/<digest>/<attempt>/audio/<clip>.<target|estimate>.flac
    trials/<digest>/<attempt>/record.json            the commit: written last
    report/index.html, report/front.png, summary.json    made from the above, and replaceable

An attempt is one process's try at a trial. Nothing it wrote counts until its record is there; readers take the highest
committed attempt. So a worker that outlives its node, or two that work on one trial, cannot mix their files.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as fs

from core.errors import StoreError
from core.storage.atomic_write import write_atomically, write_new
from core.storage.records import (
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

STUDY_KEY = "study.json"
PLAN_PREFIX = "plan"
RECORD_NAME = "record.json"


class Store:
    """Bytes by key below one root."""

    def __init__(self, root: str | Path) -> None:
        """
        Args:
            root: A local folder (made when first written to), or a URI such as `s3://bucket/prefix`.
        """
        self.root = str(root)
        if "://" in self.root:
            self._fs, self._base = fs.FileSystem.from_uri(self.root)
        else:
            self._fs, self._base = fs.LocalFileSystem(), str(Path(self.root).absolute())

    @property
    def local_root(self) -> Path | None:
        """The root as a path, None where it is not on this machine's file systems."""
        return Path(self._base) if isinstance(self._fs, fs.LocalFileSystem) else None

    def put(self, key: str, data: bytes) -> None:
        """Write a value whole or not at all: nobody ever reads a part of it."""
        path = f"{self._base}/{key}"
        if self.local_root is not None:
            write_atomically(Path(path), data)
            return
        with self._fs.open_output_stream(path) as stream:
            stream.write(data)

    def put_new(self, key: str, data: bytes) -> None:
        """Write a value that nobody has written before.

        Where the root is no local folder, two processes that write at the same moment are not told apart.

        Raises:
            StoreError: there is a value already.
        """
        try:
            if self.local_root is not None:
                write_new(self.local_root / key, data)
                return
            if not self.has(key):
                self.put(key, data)
                return
        except FileExistsError:
            pass
        raise StoreError(f"{self.root} already holds {key}; another process wrote it: run the command again")

    def get(self, key: str) -> bytes:
        """
        Raises:
            StoreError: there is no such key.
        """
        try:
            with self._fs.open_input_stream(f"{self._base}/{key}") as stream:
                return bytes(stream.read())
        except FileNotFoundError as error:
            raise StoreError(f"{self.root} holds no {key}") from error

    def drop(self, key: str) -> None:
        """Remove a value that nothing refers to any more."""
        self._fs.delete_file(f"{self._base}/{key}")

    def has(self, key: str) -> bool:
        return bool(self._fs.get_file_info(f"{self._base}/{key}").type == fs.FileType.File)

    def names(self, prefix: str) -> list[str]:
        """Sorted names directly below a prefix; unfinished writes are left out."""
        selector = fs.FileSelector(f"{self._base}/{prefix}", allow_not_found=True)
        return sorted(info.base_name for info in self._fs.get_file_info(selector) if info.base_name[:1] != ".")

    def all_names(self, prefix: str) -> list[str]:
        """Sorted names of all values below a prefix, relative to it; unfinished writes are left out."""
        base = f"{self._base}/{prefix}/"
        selector = fs.FileSelector(base, allow_not_found=True, recursive=True)
        found = [info for info in self._fs.get_file_info(selector) if info.type == fs.FileType.File]
        return sorted(info.path.removeprefix(base) for info in found if info.base_name[:1] != ".")

    # ------------------------------------------------------------------------------------------------- plan and ledger

    @property
    def has_study(self) -> bool:
        return self.has(STUDY_KEY)

    def create_study(self, definition: StudyDefinition) -> None:
        """
        Raises:
            StoreError: there is a study already.
        """
        self.put_new(STUDY_KEY, definition_to_json(definition))

    def append_segment(self, segment: PlanSegment) -> None:
        """Add a segment to the plan.

        Raises:
            StoreError: another process added one at the same moment.
        """
        number = 1 + max((int(name.partition(".")[0]) for name in self.names(PLAN_PREFIX)), default=0)
        self.put_new(f"{PLAN_PREFIX}/{number:04d}.json", segment_to_json(segment))

    def plan(self) -> StudyPlan:
        """The definition and all segments.

        Raises:
            StoreError: there is no study.
        """
        definition = definition_from_json(self.get(STUDY_KEY))
        names = self.names(PLAN_PREFIX)
        segments = tuple(segment_from_json(self.get(f"{PLAN_PREFIX}/{name}")) for name in names)
        return StudyPlan(definition=definition, segments=segments)

    def begin(self, digest: str) -> "Attempt":
        """A new attempt at a trial; its name sorts behind those of all earlier ones."""
        earlier = self.names(f"trials/{digest}")
        number = 1 + max((int(name.partition("-")[0]) for name in earlier), default=0)
        return Attempt(self, digest, f"{number:04d}-{secrets.token_hex(3)}")

    def attempts(self, digest: str) -> list["Attempt"]:
        """All attempts at a trial, committed or not, latest first."""
        return [Attempt(self, digest, name) for name in reversed(self.names(f"trials/{digest}"))]

    def committed(self, digest: str) -> "Attempt | None":
        """The attempt that counts."""
        return next((attempt for attempt in self.attempts(digest) if attempt.is_committed), None)

    def record(self, digest: str) -> TrialRecord | None:
        attempt = self.committed(digest)
        return attempt.record() if attempt else None

    def ledger(self) -> Iterator[TrialRecord]:
        """The record of every trial that has one."""
        for digest in self.names("trials"):
            if record := self.record(digest):
                yield record


@dataclass(frozen=True, slots=True)
class Attempt:
    """One process's try at a trial: the keys below `trials/<digest>/<name>/`."""

    store: Store
    digest: str
    name: str

    def key(self, name: str) -> str:
        return f"trials/{self.digest}/{self.name}/{name}"

    def put(self, name: str, data: bytes) -> None:
        self.store.put(self.key(name), data)

    def get(self, name: str) -> bytes:
        return self.store.get(self.key(name))

    def drop(self, name: str) -> None:
        self.store.drop(self.key(name))

    def names(self, prefix: str = "") -> list[str]:
        return self.store.names(self.key(prefix).rstrip("/"))

    def all_names(self) -> list[str]:
        """Names of everything in the attempt, with their folders."""
        return self.store.all_names(self.key("").rstrip("/"))

    @property
    def is_committed(self) -> bool:
        return self.store.has(self.key(RECORD_NAME))

    def commit(self, record: TrialRecord) -> None:
        """Make the attempt count. Its record is the last thing an attempt writes."""
        if (record.digest, record.attempt) != (self.digest, self.name):
            raise StoreError(f"record of {record.digest}/{record.attempt} does not belong to {self.digest}/{self.name}")
        self.put(RECORD_NAME, record_to_json(record))

    def record(self) -> TrialRecord:
        return record_from_json(self.get(RECORD_NAME))
