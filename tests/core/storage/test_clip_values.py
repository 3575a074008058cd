"""Values per clip and modulation: undefined values and metrics that do not apply are told apart."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from core.errors import DamageError, StoreError
from core.storage.clip_values import CLIP_VALUES_NAME, ValuesPerClip, read_clip_values, write_clip_values
from core.storage.records import TrialRecord
from core.storage.store import Attempt, Store
from tests.support.stores import STORES, in_folder

CLIPS = ("a", "b")
MODULATIONS = ("add", "sub", "env")
DIGEST = "d" * 16
TV = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, np.nan]], dtype=np.float32)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return STORES[request.param](tmp_path)


def written(store: Store) -> Attempt:
    attempt = store.begin(DIGEST)
    metrics = {
        "audio.mss": ValuesPerClip(values=np.array([0.5, 0.75], dtype=np.float32)),
        "interpretability.tv": ValuesPerClip(values=TV, modulations=MODULATIONS),
        "curves.pcc": ValuesPerClip(values=np.array([[0.1], [np.nan]], dtype=np.float32), modulations=("env",)),
    }
    write_clip_values(attempt, CLIPS, MODULATIONS, metrics)
    return attempt


def committed(attempt: Attempt) -> None:
    attempt.commit(
        TrialRecord(
            digest=DIGEST, study="s", arm="a", seed=0, attempt=attempt.name, outcome="finished", config={}
        )
    )  # fmt: skip


def latest(store: Store) -> Attempt:
    attempt = store.committed(DIGEST)
    assert attempt is not None
    return attempt


def test_values_are_read_as_they_were_written(store: Store) -> None:
    committed(written(store))
    values = read_clip_values(latest(store))
    assert values is not None
    assert (values.clip_ids, values.modulations, values.n_clips) == (CLIPS, MODULATIONS, 2)
    np.testing.assert_array_equal(values.columns["interpretability.tv"], TV)
    np.testing.assert_array_equal(values.columns["audio.mss"], [[0.5] * 3, [0.75] * 3])


def test_an_undefined_value_is_told_from_a_metric_that_does_not_apply(store: Store) -> None:
    committed(written(store))
    values = read_clip_values(latest(store))
    assert values is not None
    assert values.applies["curves.pcc"].tolist() == [False, False, True]
    assert values.applies["interpretability.tv"].all()
    assert np.isnan(values.columns["curves.pcc"][:, :2]).all()
    assert np.isnan(values.columns["curves.pcc"][1, 2])


def test_an_attempt_without_the_file_has_no_values(store: Store) -> None:
    committed(store.begin(DIGEST))
    assert read_clip_values(latest(store)) is None


def test_only_the_asked_metrics_are_read(store: Store) -> None:
    committed(written(store))
    values = read_clip_values(latest(store), ["curves.pcc", "curves.l1"])
    assert values is not None
    assert set(values.columns) == {"curves.pcc"}


def test_another_schema_version_is_refused(tmp_path: Path) -> None:
    store = in_folder(tmp_path)
    attempt = store.begin(DIGEST)
    buffer = pa.BufferOutputStream()
    table = pa.table({"clip_id": ["a"], "modulation": ["env"]})
    with pa.ipc.new_file(buffer, table.schema) as writer:
        writer.write_table(table)
    attempt.put(CLIP_VALUES_NAME, buffer.getvalue().to_pybytes())
    committed(attempt)
    with pytest.raises(StoreError, match="schema version"):
        read_clip_values(latest(store))


def test_other_columns_and_missing_pairs_are_damage(tmp_path: Path) -> None:
    pairs = {"clip_id": ["a", "a", "b", "b"], "modulation": ["add", "env", "env", "add"]}
    no_pairs = {"clip_id": ["a", "b"], "modulation": ["env", None]}
    for number, (columns, problem) in enumerate(
        [
            ({"clip_id": ["a"]}, "it does not have the columns clip_id, modulation and values"),
            ({"clip_id": [1], "modulation": ["env"]}, "it does not have the columns"),
            ({"clip_id": ["a"], "modulation": ["env"], "audio.mss": ["low"]}, "it does not have the columns"),
            (pairs, "it does not have a row for each pair of 2 clips"),
            (no_pairs, "it does not have a row for each pair"),
        ]
    ):
        attempt = Store(tmp_path / str(number)).begin(DIGEST)
        buffer = pa.BufferOutputStream()
        table = pa.table(columns).replace_schema_metadata({"modstudy.clip_values.version": "1"})
        with pa.ipc.new_file(buffer, table.schema) as writer:
            writer.write_table(table)
        attempt.put(CLIP_VALUES_NAME, buffer.getvalue().to_pybytes())
        committed(attempt)
        with pytest.raises(DamageError, match=rf"clip_values\.arrow is damaged: {problem}"):
            read_clip_values(attempt)


def test_a_changed_byte_is_damage(store: Store) -> None:
    attempt = written(store)
    committed(attempt)
    data = store.get(attempt.key(CLIP_VALUES_NAME))
    store.put(attempt.key(CLIP_VALUES_NAME), data[:600] + bytes([data[600] ^ 1]) + data[601:])
    with pytest.raises(DamageError, match="is damaged: its content is not that with the sha256 .* resume the study"):
        read_clip_values(latest(store))
