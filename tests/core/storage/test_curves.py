"""Curve files: one row per clip and modulation, with null for unknown curves."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from jaxtyping import Float
from numpy import ndarray

from core.errors import StoreError
from core.storage.curves import (
    CURVES_NAME,
    SCHEMA,
    ModulationCurves,
    TrialCurves,
    copy_curves,
    curve_array,
    read_curves,
    write_curves,
)
from core.storage.records import TrialRecord
from core.storage.store import Attempt, Store
from tests.support.stores import STORES, in_folder

N_CLIPS, N_FRAMES = 2, 7
Curves = Float[ndarray, "clip frame"]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return STORES[request.param](tmp_path)


def curve_of(seed: int) -> Curves:
    return np.random.default_rng(seed).random((N_CLIPS, N_FRAMES)).astype(np.float32)


def known(modulation: str, seed: int) -> ModulationCurves:
    target, estimate, projection = (curve_of(3 * seed + i) for i in range(3))
    return ModulationCurves(modulation=modulation, target=target, estimate=estimate, projection=projection)


def without_truth(modulation: str, seed: int) -> ModulationCurves:
    return ModulationCurves(modulation=modulation, target=None, estimate=curve_of(seed), projection=None)


def without_estimate(modulation: str, seed: int) -> ModulationCurves:
    return ModulationCurves(
        modulation=modulation, target=curve_of(seed), estimate=None, projection=curve_of(seed + 1000)
    )


def write(store: Store, digest: str, *modulations: ModulationCurves) -> Attempt:
    """A committed trial with these curves."""
    attempt = store.begin(digest)
    curves = TrialCurves(
        clip_ids=("a", "b"),
        f0_hz=np.array([100.0, 200.0]),
        frame_rate=125.0,
        audio_mss=np.array([0.5, 0.25]),
        modulations=modulations,
    )
    write_curves(attempt, curves, study="s", arm=f"arm of {digest}", seed=4)
    commit(attempt)
    return attempt


def commit(attempt: Attempt) -> None:
    record = TrialRecord(
        digest=attempt.digest, study="s", arm="a", seed=4, attempt=attempt.name, outcome="finished", config={}
    )
    attempt.commit(record)


def of_modulation(table: pa.Table, modulation: str) -> pa.Table:
    return table.filter(pc.equal(table["modulation"], modulation))


def assert_column(table: pa.Table, name: str, expected: Curves | None) -> None:
    found = curve_array(table[name])
    if expected is None:
        assert found is None
    else:
        assert found is not None
        np.testing.assert_array_equal(found, expected)


def test_rows_are_clips_by_modulations(store: Store) -> None:
    write(store, "d1", *(known(name, i) for i, name in enumerate(("add", "sub", "env"))))
    table = read_curves(store, ["d1"])
    assert table.schema.equals(SCHEMA, check_metadata=True)
    assert table["clip_id"].to_pylist() == ["a", "a", "a", "b", "b", "b"]
    assert table["modulation"].to_pylist() == ["add", "sub", "env"] * 2
    assert table["f0_hz"].to_pylist() == [100.0] * 3 + [200.0] * 3
    assert table["audio_mss"].to_pylist() == [0.5] * 3 + [0.25] * 3
    for name, value in (("study", "s"), ("arm", "arm of d1"), ("seed", 4), ("digest", "d1"), ("frame_rate", 125.0)):
        assert table[name].to_pylist() == [value] * 6


def test_curves_come_back_as_they_were(store: Store) -> None:
    modulations = [known(name, i) for i, name in enumerate(("add", "sub", "env"))]
    write(store, "d1", *modulations)
    table = read_curves(store, ["d1"])
    for each in modulations:
        rows = of_modulation(table, each.modulation)
        assert_column(rows, "target", each.target)
        assert_column(rows, "estimate", each.estimate)
        assert_column(rows, "projection", each.projection)
    whole = curve_array(table["estimate"])
    assert whole is not None
    assert whole.shape == (N_CLIPS * 3, N_FRAMES)


def test_without_any_truth_targets_and_projections_are_null(store: Store) -> None:
    write(store, "d1", without_truth("add", 0), without_truth("env", 1))
    table = read_curves(store, ["d1"])
    assert table["target"].null_count == table["projection"].null_count == 4
    assert_column(table, "target", None)
    assert_column(of_modulation(table, "env"), "estimate", curve_of(1))


def test_modulation_without_target_or_estimate_has_nulls_there_only(store: Store) -> None:
    write(store, "d1", without_truth("tone", 0), known("env", 5), without_estimate("sub", 20))
    table = read_curves(store, ["d1"])
    assert table["modulation"].to_pylist() == ["tone", "env", "sub"] * 2
    tone, env, sub = (of_modulation(table, name) for name in ("tone", "env", "sub"))
    assert_column(tone, "target", None)
    assert_column(tone, "estimate", curve_of(0))
    assert_column(tone, "projection", None)
    assert_column(env, "target", curve_of(15))
    assert_column(env, "estimate", curve_of(16))
    assert_column(env, "projection", curve_of(17))
    assert_column(sub, "target", curve_of(20))
    assert_column(sub, "estimate", None)
    assert_column(sub, "projection", curve_of(1020))


def test_column_of_known_and_unknown_curves_is_no_array(store: Store) -> None:
    write(store, "d1", without_truth("tone", 0), known("env", 5))
    with pytest.raises(StoreError, match="2 of 4 curves are unknown; filter the table by modulation"):
        curve_array(read_curves(store, ["d1"])["target"])


def test_double_precision_is_rounded_to_single(store: Store) -> None:
    target = np.full((N_CLIPS, N_FRAMES), 1 / 3)
    curves = ModulationCurves(modulation="env", target=target, estimate=target, projection=None)
    write(store, "d1", curves, without_truth("tone", 0))
    rows = of_modulation(read_curves(store, ["d1"]), "env")
    assert_column(rows, "target", target.astype(np.float32))
    assert_column(rows, "estimate", target.astype(np.float32))


def test_trials_of_one_table_may_have_other_modulations(store: Store) -> None:
    write(store, "d1", known("add", 0), known("env", 1))
    write(store, "d2", without_truth("tone", 2))
    store.begin("d3").put("x", b"")
    table = read_curves(store, ["d1", "d2", "d3", "unknown"])
    assert table["digest"].to_pylist() == ["d1"] * 4 + ["d2"] * 2
    assert_column(of_modulation(table, "tone"), "estimate", curve_of(2))


def test_without_any_trial_the_table_is_empty(store: Store) -> None:
    table = read_curves(store, ["unknown"])
    assert table.num_rows == 0
    assert table.schema.equals(SCHEMA)


def test_local_curves_are_memory_mapped(tmp_path: Path) -> None:
    store = in_folder(tmp_path)
    assert store.local_root is not None
    attempt = write(store, "d1", known("add", 0))
    before = pa.total_allocated_bytes()
    table = read_curves(store, ["d1"])
    assert pa.total_allocated_bytes() == before
    assert str(store.local_root / attempt.key(CURVES_NAME)) in Path("/proc/self/maps").read_text()
    assert table.num_rows == 2


def test_copied_curves_have_the_name_of_another_study_and_arm(store: Store, tmp_path: Path) -> None:
    source = write(store, "d1", known("add", 0), without_truth("tone", 1))
    other = Store(tmp_path / "other")
    target = other.begin("d1")
    copy_curves(source, target, study="other", arm="copied")
    commit(target)
    copied, original = read_curves(other, ["d1"]), read_curves(store, ["d1"])
    assert copied.schema.equals(SCHEMA, check_metadata=True)
    assert set(copied["study"].to_pylist()) == {"other"}
    assert set(copied["arm"].to_pylist()) == {"copied"}
    assert copied.drop_columns(["study", "arm"]).equals(original.drop_columns(["study", "arm"]))
    assert set(original["arm"].to_pylist()) == {"arm of d1"}


def test_another_schema_version_is_refused(store: Store) -> None:
    attempt = store.begin("d3")
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, SCHEMA.with_metadata({"modstudy.curves.version": "99"})):
        pass
    attempt.put(CURVES_NAME, sink.getvalue())
    commit(attempt)
    with pytest.raises(StoreError, match="curve schema version 99, this modstudy reads 2"):
        read_curves(store, ["d3"])
