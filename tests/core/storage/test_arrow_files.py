"""Arrow files of attempts: what is not as it was written is refused, and what was written wrongly ends no process."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DamageError, MissingError, StoreError
from core.storage.clip_values import CLIP_VALUES_NAME, ValuesPerClip, read_clip_values, write_clip_values
from core.storage.curve_catalog import open_curves
from core.storage.curves import (
    CURVES_NAME,
    SCHEMA,
    curve_array,
    curve_batches,
    curves_of,
    read_curves,
    write_curves,
    write_table,
)
from core.storage.ledger_segments import LedgerRow, from_segment, to_segment
from core.storage.sealed import seal, unseal
from core.storage.store import Attempt, Store
from tests.support.curve_study import commit, curve_study, random_curves
from tests.support.damage import DAMAGES
from tests.support.stores import STORES

ROWS = [LedgerRow("a" * 16, "finished", "2026-01-01", b"{}")] * 5


def attempt_in(store: Store) -> Attempt:
    """A committed attempt with curves and values per clip."""
    attempt = store.begin("d")
    write_curves(attempt, random_curves(0), study="s", arm="a", seed=0)
    values = ValuesPerClip(values=np.ones((2, 2), dtype=np.float32), modulations=("add", "env"))
    write_clip_values(attempt, ("clip-0", "clip-1"), ("add", "env"), {"interpretability.tv": values})
    commit(attempt, "s", "a", 0)
    return attempt


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    return attempt_in(Store(tmp_path / "s"))


def path_of(attempt: Attempt, name: str) -> Path:
    assert attempt.store.local_root is not None
    return attempt.store.local_root / attempt.key(name)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_curve_file_is_never_read(attempt: Attempt, damage: str) -> None:
    DAMAGES[damage](path_of(attempt, CURVES_NAME))
    with pytest.raises(DamageError, match=r"curves\.arrow is damaged: it.*; resume the study"):
        read_curves(attempt.store, ["d"])


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("name", [CURVES_NAME, CLIP_VALUES_NAME])
def test_eight_changed_bytes_are_no_other_numbers(kind: str, name: str, tmp_path: Path) -> None:
    store = STORES[kind](tmp_path)
    attempt = attempt_in(store)
    data = bytearray(store.get(attempt.key(name)))
    data[-600:-592] = bytes(value ^ 0x55 for value in data[-600:-592])
    store.put(attempt.key(name), bytes(data))
    latest = store.committed("d")
    assert latest is not None
    with pytest.raises(DamageError, match="which was written"):
        curves_of(latest) if name == CURVES_NAME else read_clip_values(latest)


def test_a_file_that_the_record_does_not_have_is_no_file_of_the_attempt(tmp_path: Path) -> None:
    attempt = Store(tmp_path / "s").begin("d")
    commit(attempt, "s", "a", 0)
    attempt.store.put(attempt.key(CURVES_NAME), b"not of this attempt")
    assert curves_of(attempt) is None
    with pytest.raises(MissingError, match="is not a file of its attempt"):
        list(curve_batches(attempt))


def test_other_columns_are_damage(tmp_path: Path) -> None:
    attempt = Store(tmp_path / "s").begin("d")
    sink = pa.BufferOutputStream()
    schema = pa.schema([pa.field("seed", pa.string())], metadata=SCHEMA.metadata)
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(pa.table([["a"]], schema=schema))
    attempt.put(CURVES_NAME, sink.getvalue().to_pybytes())
    commit(attempt, "s", "a", 0)
    with pytest.raises(DamageError, match="it does not have the columns study, arm, seed"):
        curves_of(attempt)


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [("frame_rate", 0.0, "a frame rate that is not positive"), ("frame_rate", np.nan, "a frame rate that is not"),
     ("frame_rate", None, "no frame_rate"), ("clip_id", None, "no clip_id"), ("seed", None, "no seed")],
)  # fmt: skip
def test_rows_without_a_label_or_a_rate_are_damage(attempt: Attempt, column: str, value: object, problem: str) -> None:
    table = read_curves(attempt.store, ["d"])
    index = table.schema.get_field_index(column)
    values = pa.array([value] * table.num_rows, SCHEMA.field(column).type)
    other = attempt.store.begin("d")
    write_table(other, table.set_column(index, SCHEMA.field(column), values))
    commit(other, "s", "a", 0)
    with pytest.raises(DamageError, match=f"some of its rows have {problem}"):
        curves_of(other)


def test_curves_of_other_lengths_are_no_array() -> None:
    with pytest.raises(StoreError, match="2 curves have different lengths"):
        curve_array(pa.chunked_array([pa.array([[0.0, 1.0], [1.0]], pa.list_(pa.float32()))]))


def test_a_catalog_leaves_damaged_files_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(tmp_path / "mine")
    curves = {("frame", seed): random_curves(seed) for seed in range(4)}
    attempts = list(curve_study(store, "mine", curves).values())
    for attempt, damage in zip(attempts[1:], ("one byte", "cut", "missing"), strict=True):
        DAMAGES[damage](path_of(attempt, CURVES_NAME))
    catalog = open_curves(store)
    assert {batch.file.seed for batch in catalog.batches()} == {0}
    assert set(catalog.dataset().to_table()["seed"].to_pylist()) == {0}
    assert caplog.text.count("curves.arrow is damaged") == 3, "each file is named once"
    DAMAGES["empty"](path_of(attempts[0], CURVES_NAME))
    with pytest.raises(StoreError, match="no curve file is selected"):
        open_curves(store).dataset()


def test_a_remote_file_of_another_size_is_left_out_of_a_dataset(tmp_path: Path) -> None:
    store = STORES["remote"](tmp_path)
    attempts = list(curve_study(store, "mine", {("frame", seed): random_curves(seed) for seed in (0, 1)}).values())
    store.put(attempts[0].key(CURVES_NAME), b"cut")
    assert set(open_curves(store).dataset().to_table()["seed"].to_pylist()) == {1}


KINDS = st.sampled_from(["byte", "word", "cut", "longer"])
CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), KINDS, st.binary(min_size=4)), min_size=1, max_size=4)
"""Places in a file, kinds of changes there, and bytes that they put there."""


def changed(data: bytes, changes: list[tuple[float, str, bytes]]) -> bytes:
    for place, kind, new in changes:
        at = int(place * len(data))
        length = {"byte": 1, "word": 4, "cut": 0, "longer": 0}[kind]
        if kind == "cut":
            data = data[:at] + data[at + len(new) :]
        else:
            data = data[:at] + (new[:length] if length else new) + data[at + length :]
    return data


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, name=st.sampled_from([CURVES_NAME, CLIP_VALUES_NAME]))
def test_wrong_content_with_the_right_hash_is_an_error_or_valid(
    attempt: Attempt, changes: list[tuple[float, str, bytes]], name: str
) -> None:
    other = attempt.store.begin("d")
    other.put(name, changed(attempt.store.get(attempt.key(name)), changes))
    record = other.commit(replace(attempt.record(), attempt=other.name))
    latest = attempt.store.attempt_of(record)
    with suppress(StoreError):
        if name == CLIP_VALUES_NAME:
            read_clip_values(latest)
        elif (table := curves_of(latest)) is not None:
            table.validate(full=True)
            table.to_pylist()


@settings(max_examples=150)
@given(changes=CHANGES)
def test_a_wrong_segment_of_the_ledger_is_an_error_or_has_rows(changes: list[tuple[float, str, bytes]]) -> None:
    try:
        rows = from_segment(seal(changed(bytes(unseal(to_segment(ROWS))), changes)), with_records=True)
    except ValueError:
        return
    assert all(isinstance(row.record, bytes) and isinstance(row.digest, str) for row in rows)
