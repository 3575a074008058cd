"""Arrow IPC files of committed attempts, which are read only after their content was checked.

Arrow trusts offsets and lengths within a file: a changed byte can end the process, or give other numbers. So a file has
to have the sha256 that the record of its attempt has of it, and its arrays are validated before values are used.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from core.errors import MissingError
from core.storage.integrity import problem_of_file
from core.storage.records import StoredFile
from core.storage.store import Attempt


def open_arrow(attempt: Attempt, name: str) -> pa.ipc.RecordBatchFileReader:
    """Reader of an Arrow IPC file of a committed attempt, memory-mapped if the store is local.

    Raises:
        DamageError: the file is not as it was when the attempt was committed.
        MissingError: the attempt has no such file.
    """
    expected = attempt.stored_files().get(name)
    if expected is None:
        raise MissingError(f"{attempt.store.address(attempt.key(name))} is not a file of its attempt")
    source = _source(attempt, name, expected)
    try:
        reader = pa.ipc.open_file(source)
        # Names of columns that are no text are an error only when they are looked at.
        list(reader.schema.names)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise attempt.damage(name, f"it is no Arrow file: {error}") from error
    return reader


def read_table(attempt: Attempt, name: str, reader: pa.ipc.RecordBatchFileReader) -> pa.Table:
    """All rows of a file, whose arrays are valid.

    Raises:
        DamageError: they are not.
    """
    return pa.Table.from_batches(read_batches(attempt, name, reader), reader.schema)


def read_batches(attempt: Attempt, name: str, reader: pa.ipc.RecordBatchFileReader) -> Iterator[pa.RecordBatch]:
    """The record batches of a file, whose arrays are valid; errors are those of `read_table`."""
    for number in range(reader.num_record_batches):
        try:
            batch = reader.get_batch(number)
            batch.validate(full=True)
        except (pa.ArrowException, OSError) as error:
            raise attempt.damage(name, f"its values are invalid: {error}") from error
        yield batch


def check_local_file(attempt: Attempt, name: str, expected: StoredFile, *, again: bool = False) -> Path:
    """Path of a file of a local store that is as it was when its attempt was committed.

    Args:
        attempt: The attempt.
        name: Name of the file.
        expected: What the record has of it.
        again: Whether the file is read although this process has read it before, and it does not seem to have changed.

    Raises:
        DamageError: the file is not as it was.
        StoreError: the record names an attempt outside its study.
    """
    path = Path(attempt.store.file(attempt.key(name))[1])
    try:
        problem = problem_of_file(path, expected, again=again)
    except (FileNotFoundError, NotADirectoryError):
        problem = "it is missing"
    except OSError as error:
        problem = f"it cannot be read ({error.strerror})"
    if problem:
        raise attempt.damage(name, problem)
    return path


def _source(attempt: Attempt, name: str, expected: StoredFile) -> pa.NativeFile:
    """The content of a file, memory-mapped if the store is local; raises DamageError if it is damaged."""
    if attempt.store.local_root is not None:
        return pa.memory_map(str(check_local_file(attempt, name, expected)))
    return pa.BufferReader(attempt.get_verified(name, expected))
