"""The ledger folder of a study: copies of many records, and notes on which of them no longer count.

ledger/<number>.arrow            copies of records (core.storage.ledger_segments)
ledger/<number>.reopened.json    digests whose copies in files with smaller numbers no longer count
"""

import json
import re
from collections.abc import Callable, Sequence

from core.errors import DamageError, StoreError
from core.storage.ledger_segments import LedgerRow, from_segment, to_segment
from core.storage.roots import shown
from core.storage.sealed import seal_json, unseal_json
from core.storage.values import Values

LEDGER_PREFIX = "ledger"
"""Prefix of the keys of the ledger."""
LEDGER_NAME = re.compile(r"\d{6,9}\.(arrow|reopened\.json)")
"""Names of files of the ledger."""


def ledger_names(values: Values) -> list[str]:
    """Names of the files of the ledger, in order."""
    return [name for name in values.names(LEDGER_PREFIX) if LEDGER_NAME.fullmatch(name)]


def read_rows(values: Values, on_damage: Callable[[str], None], *, with_records: bool) -> dict[str, LedgerRow]:
    """Rows of all files that count, by digest.

    Args:
        values: Store of the study.
        on_damage: Takes a sentence on each file that is damaged, and left out.
        with_records: Whether the JSON of records is read, which takes most of the time.
    """
    rows: dict[str, LedgerRow] = {}
    for name in ledger_names(values):
        key = f"{LEDGER_PREFIX}/{name}"
        try:
            data = values.get(key)
            if is_note(name):
                for digest in reopened_from(data):
                    rows.pop(digest, None)
            else:
                rows |= {row.digest: row for row in from_segment(data, with_records=with_records)}
        except (DamageError, ValueError) as error:
            if is_note(name):
                # Nobody knows which copies no longer count, but every record is in its attempt as well.
                rows.clear()
            on_damage(
                f"{values.address(key)} is left out because it is damaged: {error}; the records themselves are read"
            )
    return rows


def append_rows(values: Values, rows: Sequence[LedgerRow]) -> None:
    """Write a segment, and read it back.

    Raises:
        StoreError: what is read back differs, so the segment was dropped.
    """
    key = f"{LEDGER_PREFIX}/{_next_number(values):06d}.arrow"
    values.put_new(key, to_segment(rows))
    try:
        is_intact = from_segment(values.get(key), with_records=True) == rows
    except ValueError:
        is_intact = False
    if not is_intact:
        values.drop(key)
        raise StoreError(
            f"{shown(values.root)} did not return {key} as it was written; check the disk or the object store"
        )


def append_reopened(values: Values, digests: Sequence[str]) -> None:
    """Note that the copies of the records of these trials no longer count."""
    key = f"{LEDGER_PREFIX}/{_next_number(values):06d}.reopened.json"
    values.put_new(key, seal_json(json.dumps({"reopened": list(digests)}).encode()))


def is_note(name: str) -> bool:
    """Whether a file of the ledger says which copies no longer count."""
    return name.endswith(".reopened.json")


def reopened_from(data: bytes) -> list[str]:
    """Digests whose copies no longer count.

    Raises:
        ValueError: the content is damaged.
    """
    digests = json.loads(unseal_json(data)).get("reopened")
    if not isinstance(digests, list) or not all(isinstance(digest, str) for digest in digests):
        raise ValueError("it has no list of digests")
    return digests


def _next_number(values: Values) -> int:
    """Number of the next file."""
    return 1 + max((int(name.partition(".")[0]) for name in ledger_names(values)), default=0)
