"""The README's recipes for curves of many studies, in pandas, polars and DuckDB."""

import numpy as np
import pyarrow.dataset as ds
import pytest

from core.metrics.curve_ranking import curve_means
from core.storage.curve_catalog import CurveCatalog, open_curves
from core.storage.store import Store
from tests.support.curve_study import curve_study, random_curves


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> CurveCatalog:
    root = tmp_path_factory.mktemp("runs")
    for number, study in enumerate(("first", "second")):
        curves = {
            (arm, seed): random_curves(10 * number + seed + len(arm), 3) for arm in ("a", "bb") for seed in (0, 1)
        }
        curve_study(Store(root / study), study, curves)
    return open_curves(root)


@pytest.fixture(scope="module")
def curves(catalog: CurveCatalog) -> ds.Dataset:
    return catalog.dataset()


@pytest.fixture(scope="module")
def mss(catalog: CurveCatalog) -> dict[tuple[str, str], float]:
    """Mean distance of the sound by study and arm, each clip counted once."""
    means = curve_means(catalog, ("study", "arm"), "mss")
    return {(str(mean.group[0]), str(mean.group[1])): mean.mean or np.nan for mean in means}


def test_pandas_counts_each_clip_once(curves: ds.Dataset, mss: dict[tuple[str, str], float]) -> None:
    table = curves.to_table(columns=["study", "arm", "seed", "clip_id", "audio_mss"])
    clips = table.to_pandas().drop_duplicates(["study", "arm", "seed", "clip_id"])
    found = clips.groupby(["study", "arm"])["audio_mss"].mean()
    assert len(clips) == 2 * 2 * 2 * 3
    assert found.to_dict() == pytest.approx(mss, rel=1e-6)


def test_polars_gives_the_error_of_each_modulation(curves: ds.Dataset, catalog: CurveCatalog) -> None:
    pl = pytest.importorskip("polars")
    error = (pl.col("target").list.explode() - pl.col("estimate").list.explode()).abs().mean()
    found = (
        pl.scan_pyarrow_dataset(curves)
        .filter(pl.col("target").is_not_null() & pl.col("estimate").is_not_null())
        .group_by("arm", "modulation")
        .agg(l1=error)
        .collect()
    )
    expected = {mean.group: mean.mean for mean in curve_means(catalog, ("arm", "modulation"), "l1")}
    assert {(row["arm"], row["modulation"]): row["l1"] for row in found.to_dicts()} == pytest.approx(expected, rel=1e-5)


def test_duckdb_reads_the_dataset_by_name(curves: ds.Dataset, mss: dict[tuple[str, str], float]) -> None:
    duckdb = pytest.importorskip("duckdb")
    found = duckdb.sql(
        "SELECT study, arm, avg(audio_mss) FROM (SELECT DISTINCT study, arm, seed, clip_id, audio_mss FROM curves) "
        "GROUP BY ALL"
    ).fetchall()
    assert {row[:2]: row[2] for row in found} == pytest.approx(mss, rel=1e-6)
    assert curves.count_rows() == 48
