"""Verification of a stored study: every file against its hash, and repair of what can be restored or run again."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from core.errors import DamageError, StoreError
from core.storage.arrow_files import check_local_file
from core.storage.integrity import problem_of_size
from core.storage.ledger import LEDGER_NAME, LEDGER_PREFIX, is_note, ledger_names, reopened_from
from core.storage.ledger_segments import from_segment
from core.storage.plan_files import (
    PLAN_COPY_PREFIX,
    PLAN_PREFIX,
    SEGMENT_NAME,
    n_segments,
    problems_of_plan,
    read_plan,
    restore_plan,
)
from core.storage.records import StoredFile
from core.storage.store import DAMAGED_PREFIX, RECORD_NAME, TRIALS_PREFIX, Attempt, Store

_THREADS = 4
"""Number of files that are hashed at the same time."""
_FOLDERS = (PLAN_PREFIX, PLAN_COPY_PREFIX, TRIALS_PREFIX, LEDGER_PREFIX)
"""Prefixes that are folders in a local root."""
_CHECKPOINT_NAME = re.compile(r"checkpoint-\d+\.pt")
OnFile = Callable[[int, int], None]
"""Takes the numbers of files that were verified so far, and of all files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A file that is not as it was stored."""

    key: str
    problem: str
    """The file and what is wrong with it."""
    digest: str | None = None
    """Trial that it belongs to; None for the plan and the ledger."""


@dataclass(slots=True, kw_only=True)
class Verification:
    """What was found in a study."""

    damaged: list[Damage] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """Sentences on what does not belong there, but does no harm."""
    n_files: int = 0
    """Number of files that were verified."""
    n_bytes: int = 0
    """Size of the files of attempts that were verified."""

    @property
    def digests(self) -> tuple[str, ...]:
        """Trials with a damaged file, in the order in which they were found."""
        return tuple(dict.fromkeys(damage.digest for damage in self.damaged if damage.digest is not None))


def verify_study(store: Store, *, read_contents: bool = True, on_file: OnFile = lambda _, __: None) -> Verification:
    """Verify the plan, the ledger and the committed attempts of a study; nothing is written.

    Args:
        store: Store of the study.
        read_contents: Whether files of attempts are read and hashed; otherwise only their sizes are compared.
        on_file: Called after each file of an attempt.

    Raises:
        StoreError: there is no study, or it has another schema version, or the root cannot be used.
    """
    found = Verification()
    for prefix in _FOLDERS:
        if store.has(prefix):
            sentence = f"{store.address(prefix)} is damaged: it is a file and not a folder"
            found.damaged.append(Damage(key=prefix, problem=sentence))
    _verify_plan(store, found)
    _verify_ledger(store, found)
    files = list(_verified_records(store, found))
    check = partial(_problem_of_file, read_contents=read_contents)
    with ThreadPoolExecutor(_THREADS) as pool:
        for number, (file, problem) in enumerate(zip(files, pool.map(check, files), strict=True), start=1):
            found.n_files += 1
            found.n_bytes += file.expected.size
            if problem is not None:
                key = file.attempt.key(file.name)
                found.damaged.append(Damage(key=key, problem=problem, digest=file.attempt.digest))
            on_file(number, len(files))
    return found


def repair_study(store: Store, found: Verification) -> list[str]:
    """Restore the plan from its copies, and move damaged ledger files and attempts aside, so that trials run again.

    All committed attempts at a trial with a damaged file are moved to `damaged/trials/<digest>/`, also earlier ones,
    which would otherwise count in place of the damaged one. Trials are reopened in the ledger first, so an interrupted
    repair leaves them without a record.

    Args:
        store: Store of the study, which no other process writes.
        found: What `verify_study` has found in it.

    Returns:
        A sentence on each thing that was done.

    Raises:
        DamageError: a file of the plan and its copy are damaged.
        StoreError: the root cannot be written.
    """
    done = []
    for damage in found.damaged:
        if damage.key in _FOLDERS:
            done.append(f"{damage.problem}; it is kept as {store.set_aside(damage.key)}")
    done += restore_plan(store, store.set_aside)
    for key in _ledger_files_to_leave(store, found):
        done.append(f"{store.address(key)} does not count any more; it is kept as {store.set_aside(key)}")
    if not found.digests:
        return done
    store.reopen(found.digests)
    for digest in found.digests:
        problem = next(damage.problem for damage in found.damaged if damage.digest == digest)
        _set_attempts_aside(store, digest)
        done.append(
            f"{problem}; its trial runs again, and its files are kept in {DAMAGED_PREFIX}/{TRIALS_PREFIX}/{digest}"
        )
    return done


# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a committed attempt."""

    attempt: Attempt
    name: str
    expected: StoredFile


def _verify_plan(store: Store, found: Verification) -> None:
    """Verify the files of the plan and their copies, and that the plan is consistent."""
    n_before = len(found.damaged)
    found.n_files += 2 * (1 + n_segments(store))
    found.damaged += [Damage(key=key, problem=problem) for key, problem in problems_of_plan(store).items()]
    if len(found.damaged) == n_before:
        try:
            read_plan(store, _ignore)
        except DamageError as error:
            found.damaged.append(Damage(key=PLAN_PREFIX, problem=error.problem))
    for prefix in (PLAN_PREFIX, PLAN_COPY_PREFIX):
        _remark_strays(store, prefix, SEGMENT_NAME, found)


def _verify_ledger(store: Store, found: Verification) -> None:
    """Verify the files of the ledger."""
    for name in store.names(LEDGER_PREFIX):
        if not LEDGER_NAME.fullmatch(name):
            continue
        key = f"{LEDGER_PREFIX}/{name}"
        found.n_files += 1
        try:
            data = store.get(key)
            reopened_from(data) if is_note(name) else from_segment(data, with_records=True)
        except DamageError as error:
            found.damaged.append(Damage(key=key, problem=error.problem))
        except ValueError as reason:
            found.damaged.append(Damage(key=key, problem=f"{store.address(key)} is damaged: {reason}"))
    _remark_strays(store, LEDGER_PREFIX, LEDGER_NAME, found)


def _remark_strays(store: Store, prefix: str, pattern: re.Pattern[str], found: Verification) -> None:
    """Remark on names below a prefix that do not belong there."""
    strays = [name for name in store.names(prefix) if not pattern.fullmatch(name)]
    found.remarks += [
        f"{store.address(prefix)}/{ascii(name)[1:-1]} does not belong there, and is ignored" for name in strays
    ]


def _verified_records(store: Store, found: Verification) -> Iterator[_File]:
    """Verify the records of all committed attempts that count, and return the other files that they have."""
    try:
        planned = {trial.digest for trial in read_plan(store, _ignore).trials}
    except DamageError:
        planned = set()
    strays = []
    for digest in store.names(TRIALS_PREFIX):
        if planned and digest not in planned:
            strays.append(ascii(digest)[1:-1])
            continue
        try:
            attempt = _latest(store, digest)
            if attempt is None:
                continue
            found.n_files += 1
            record = attempt.record()
            attempt = store.attempt_of(record)
            others = set(attempt.all_names()) - record.files.keys() - {RECORD_NAME}
        except StoreError as error:
            problem = error.problem if isinstance(error, DamageError) else str(error)
            found.damaged.append(Damage(key=f"{TRIALS_PREFIX}/{digest}", problem=problem, digest=digest))
            continue
        yield from (_File(attempt, name, expected) for name, expected in record.files.items())
        found.remarks += [
            f"{store.address(attempt.key(ascii(name)[1:-1]))} is not a file of its attempt, and is ignored"
            for name in sorted(others)
            if not _CHECKPOINT_NAME.fullmatch(name)
        ]
    if strays:
        found.remarks.append(
            f"{store.address(TRIALS_PREFIX)} has {len(strays)} names that are no trials of the plan, and are ignored, "
            f"such as {strays[0][:60]}"
        )


def _ignore(_: str) -> None:
    """Take a sentence on damage that is found anyway."""


def _latest(store: Store, digest: str) -> Attempt | None:
    """The latest committed attempt at a trial, even if its record is no file; None if there is none.

    Raises:
        DamageError: a folder cannot be read, or is a file.
    """
    attempts = store.attempts(digest)
    if not attempts and store.has(f"{TRIALS_PREFIX}/{digest}"):
        raise DamageError(f"{store.address(TRIALS_PREFIX)}/{digest} is damaged: it is a file and not a folder")
    return next((attempt for attempt in attempts if RECORD_NAME in attempt.names()), None)


def _problem_of_file(file: _File, *, read_contents: bool) -> str | None:
    """The file and what is wrong with it; None if nothing is."""
    attempt, store = file.attempt, file.attempt.store
    key = attempt.key(file.name)
    try:
        if not read_contents:
            problem = problem_of_size(store.size(key), file.expected)
            return f"{store.address(key)} is damaged: {problem}" if problem else None
        if store.local_root is not None:
            check_local_file(attempt, file.name, file.expected, again=True)
        else:
            attempt.get(file.name)
    except DamageError as error:
        return error.problem
    return None


def _ledger_files_to_leave(store: Store, found: Verification) -> list[str]:
    """Keys of damaged files of the ledger; with a note, also of all before it, which nobody knows if they count."""
    damaged = {damage.key for damage in found.damaged if damage.key.startswith(f"{LEDGER_PREFIX}/")}
    keys = [f"{LEDGER_PREFIX}/{name}" for name in ledger_names(store)]
    last_note = max((key for key in damaged if is_note(key)), default="")
    return [key for key in keys if key in damaged or key <= last_note]


def _set_attempts_aside(store: Store, digest: str) -> None:
    """Move all committed attempts at a trial aside, or what is in place of its folder."""
    try:
        attempts = [attempt for attempt in store.attempts(digest) if RECORD_NAME in attempt.names()]
    except DamageError:
        attempts = []
    if not attempts:
        store.set_aside(f"{TRIALS_PREFIX}/{digest}")
    for attempt in attempts:
        if store.local_root is not None:
            store.set_aside(attempt.key("").rstrip("/"))
            continue
        for name in (RECORD_NAME, *(name for name in attempt.all_names() if name != RECORD_NAME)):
            store.set_aside(attempt.key(name))
