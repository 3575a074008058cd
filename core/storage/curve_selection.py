"""Curves that an SQL expression selects, such as `arm = 'lpf-8' and clip like '%pad%'`.

The expression is the condition of a query that SQLite answers from a table in memory with a row per curve. It may read
that table and call SQLite's functions; it can neither change anything nor read files, and its length, its values and
its work have limits.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from core.errors import ConfigError
from core.settings.suggestions import did_you_mean
from core.settings.value_rules import shown_value
from core.storage.curve_catalog import CurveCatalog, CurveFile

COLUMNS = ("study", "arm", "seed", "clip", "modulation", "f0_hz", "audio_mss")
"""Columns that an expression may use."""
MAX_EXPRESSION = 2000
"""Longest expression in characters."""
MAX_BYTES = 2**20
"""Longest text that a function may make."""
STEPS_PER_ROW, MIN_STEPS = 10_000, 10_000_000
"""Most instructions of SQLite's machine for each curve, and for few curves in all."""
_STEPS_AT_ONCE = 10_000
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION})
_UNKNOWN_COLUMN = re.compile(r"no such column: (.+)")


def selected(catalog: CurveCatalog, where: str) -> CurveCatalog:
    """The catalog with those of its curves for which an expression is true; files without such a curve are left out.

    Raises:
        ConfigError: the expression is invalid, too long or takes too long.
        StoreError: a curve file has another schema version.
    """
    if not where.strip() or len(where) > MAX_EXPRESSION or "\0" in where:
        raise ConfigError(
            f"--where is an SQL expression of 1 to {MAX_EXPRESSION} characters over {', '.join(COLUMNS)}; got "
            f"{shown_value(where)}"
        )
    with _table() as database:
        # Mistakes are found before any file is read.
        _query(database, where, 0)
        files, n_rows = list[CurveFile](), 0
        places: list[tuple[int, Int[ndarray, " row"]]] = []
        for batch in catalog.batches():
            if not files or files[-1] is not batch.file:
                files.append(batch.file)
            n = batch.rows.num_rows
            columns = [batch.rows[name].to_pylist() for name in ("clip_id", "modulation", "f0_hz", "audio_mss")]
            of_file = (batch.file.study, batch.file.arm, batch.file.seed)
            database.executemany(
                f"INSERT INTO curves VALUES ({', '.join('?' * len(COLUMNS))})",
                ((*of_file, *values) for values in zip(*columns, strict=True)),
            )
            places.append((len(files) - 1, batch.indices))
            n_rows += n
        found = _query(database, where, n_rows)
    file_of = np.concatenate([np.zeros(0, int), *(np.full(len(rows), file) for file, rows in places)])[found]
    row_of = np.concatenate([np.zeros(0, int), *(rows for _, rows in places)])[found]
    kept = [(file, row_of[file_of == place]) for place, file in enumerate(files) if (file_of == place).any()]
    return replace(
        catalog,
        files=tuple(file for file, _ in kept),
        rows={file.address: frozenset(rows.tolist()) for file, rows in kept},
    )


# ---------------------------------------------------------------------------------------------------------------------


@contextmanager
def _table() -> Iterator[sqlite3.Connection]:
    """An empty table of curves in memory."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    try:
        types = ("TEXT", "TEXT", "INTEGER", "TEXT", "TEXT", "REAL", "REAL")
        columns = ", ".join(f"{name} {type_}" for name, type_ in zip(COLUMNS, types, strict=True))
        database.execute(f"CREATE TABLE curves ({columns})")
        yield database
    finally:
        database.close()


def _query(database: sqlite3.Connection, where: str, n_rows: int) -> Int[ndarray, " found"]:
    """Numbers of the rows for which an expression is true, from 0.

    Raises:
        ConfigError: the expression is invalid, or takes too many steps.
    """
    n_left = max(MIN_STEPS, STEPS_PER_ROW * n_rows) // _STEPS_AT_ONCE

    def count() -> int:
        nonlocal n_left
        n_left -= 1
        return int(n_left < 0)

    limits = {sqlite3.SQLITE_LIMIT_LENGTH: MAX_BYTES, sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100}
    before = {limit: database.setlimit(limit, value) for limit, value in limits.items()}
    database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY)
    database.set_progress_handler(count, _STEPS_AT_ONCE)
    try:
        # The line break ends a comment at the end of the expression.
        rows = database.execute(f"SELECT rowid FROM curves WHERE ({where}\n) ORDER BY rowid").fetchall()
    except (sqlite3.Error, sqlite3.Warning, UnicodeEncodeError) as error:
        raise ConfigError(_problem(where, error, has_ended=n_left < 0)) from error
    finally:
        database.set_progress_handler(None, 0)
        database.set_authorizer(None)
        for limit, value in before.items():
            database.setlimit(limit, value)
    return np.asarray([row for (row,) in rows], dtype=int) - 1


def _problem(where: str, error: Exception, *, has_ended: bool) -> str:
    """What is wrong with an expression."""
    rule = f"--where is an SQL expression over {', '.join(COLUMNS)}"
    if has_ended:
        return f"{rule}; {shown_value(where)} takes too long; simplify it"
    if match := _UNKNOWN_COLUMN.fullmatch(str(error)):
        hint = did_you_mean(match[1], COLUMNS, otherwise="text is put in single quotes, as in arm = 'lpf-8'")
        return f"{rule}; there is no column {shown_value(match[1])}; {hint}"
    reason = "it may only read these columns" if "not authorized" in str(error) or "prohibited" in str(error) else error
    return f"{rule}; got {shown_value(where)}: {reason}"
