"""Tables of curves, read back by the libraries they are for."""

import csv
import io
from pathlib import Path

import numpy as np
import polars
import pyarrow as pa
import pyarrow.feather
import pytest

from core.errors import DataError
from core.exchange.tables import CurveTable, arrow_bytes, csv_bytes, npz_bytes

SUB = np.linspace(0.1, 0.9, 129)
TABLE = CurveTable(
    name="Bläser 1",
    frame_rate=128.0,
    f0_hz=221.3,
    curves={"sub": SUB, "env": SUB[::-1]},
    controls={"cutoff_hz": 100 * 80**SUB},
)
NAMES = ["time_s", "sub", "env", "cutoff_hz"]


def test_csv_has_a_line_per_frame() -> None:
    rows = list(csv.reader(io.StringIO(csv_bytes(TABLE).decode())))
    assert rows[0] == NAMES
    values = np.array(rows[1:], dtype=float)
    np.testing.assert_allclose(values[:, 0], np.arange(129) / 128, atol=1e-6)
    np.testing.assert_allclose(values[:, 1:].T, [SUB, SUB[::-1], 100 * 80**SUB], rtol=1e-6)


def test_npz_has_an_array_per_column_and_no_pickle() -> None:
    with np.load(io.BytesIO(npz_bytes(TABLE)), allow_pickle=False) as arrays:
        assert sorted(arrays) == sorted([*NAMES, "frame_rate", "f0_hz", "name"])
        np.testing.assert_array_equal(arrays["sub"], SUB)
        assert arrays["frame_rate"] == 128.0
        assert arrays["f0_hz"] == 221.3
        assert str(arrays["name"]) == "Bläser 1"


def test_arrow_is_feather_with_what_describes_it(tmp_path: Path) -> None:
    path = tmp_path / "curves.arrow"
    path.write_bytes(arrow_bytes(TABLE))
    table = pyarrow.feather.read_table(path)
    assert table.column_names == NAMES
    np.testing.assert_array_equal(table["env"].to_numpy(), SUB[::-1])
    assert table.schema.metadata == {b"frame_rate": b"128.0", b"f0_hz": b"221.3", b"name": "Bläser 1".encode()}
    assert all(column.type == pa.float64() for column in table.columns)
    assert polars.read_ipc(path).columns == NAMES


@pytest.mark.parametrize("write", [csv_bytes, npz_bytes, arrow_bytes])
def test_values_that_are_not_finite_are_named(write: object) -> None:
    assert callable(write)
    broken = CurveTable(name="x", frame_rate=1.0, f0_hz=1.0, curves={"sub": np.array([0.0, np.inf])})
    with pytest.raises(DataError, match="sub has 1 that are not"):
        write(broken)


def test_columns_fit_each_other() -> None:
    with pytest.raises(DataError, match="frames, 3; env has 2"):
        csv_bytes(CurveTable(name="x", frame_rate=1.0, f0_hz=1.0, curves={"sub": np.zeros(3), "env": np.zeros(2)}))
    with pytest.raises(DataError, match="different names; got time_s, sub, sub"):
        csv_bytes(
            CurveTable(name="x", frame_rate=1.0, f0_hz=1.0, curves={"sub": np.zeros(3)}, controls={"sub": np.zeros(3)})
        )
    with pytest.raises(DataError, match="one or more columns"):
        csv_bytes(CurveTable(name="x", frame_rate=1.0, f0_hz=1.0, curves={}))
    with pytest.raises(DataError, match="got name"):
        npz_bytes(CurveTable(name="x", frame_rate=1.0, f0_hz=1.0, curves={"name": np.zeros(3)}))
