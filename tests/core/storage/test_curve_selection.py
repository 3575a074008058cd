"""Curves that an SQL expression selects, and expressions that are refused."""

import time
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigError, StoreError
from core.storage.curve_catalog import CurveCatalog, open_curves
from core.storage.curve_selection import selected
from core.storage.store import Store
from tests.support.curve_study import curve_study, trial_curves

RAMP = np.linspace(0.0, 1.0, 5)[None].repeat(3, 0)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> CurveCatalog:
    """Two studies with two arms, one seed, three clips and two modulations each."""
    root = tmp_path_factory.mktemp("runs")
    for study in ("first", "second"):
        curves = {
            (arm, 7): trial_curves({"add": (RAMP, RAMP), "env": (None, RAMP)}, [mss, mss + 1, mss + 2])
            for arm, mss in (("lpf-8", 0.5), ("frame", 0.25))
        }
        curve_study(Store(root / study), study, curves)
    return open_curves(root)


def found(catalog: CurveCatalog) -> list[tuple[str, str, str, str]]:
    return [
        (batch.file.study, batch.file.arm, clip, modulation)
        for batch in catalog.batches()
        for clip, modulation in zip(
            batch.rows["clip_id"].to_pylist(), batch.rows["modulation"].to_pylist(), strict=True
        )
    ]


@pytest.mark.parametrize(
    ("where", "n"),
    [
        ("1", 24),
        ("arm = 'lpf-8'", 12),
        ("arm = 'lpf-8' and clip like '%-1'", 4),
        ("study in ('first') and modulation <> 'env'", 6),
        ("audio_mss < 1 or audio_mss >= 2.5", 12),
        ("audio_mss < (select avg(audio_mss) from curves)", 12),
        ("abs(f0_hz - 220) < 0.1 and seed = 7", 24),
        ("arm='frame' -- the others are for another day", 12),
        ("arm = 'frame'\nand clip = 'clip-2'", 4),
        ("lower(arm) glob 'LPF*'", 0),
        ("NULL", 0),
        ("0", 0),
    ],
)
def test_the_curves_for_which_an_expression_is_true_are_selected(catalog: CurveCatalog, where: str, n: int) -> None:
    assert len(found(selected(catalog, where))) == n


def test_rows_keep_their_places_and_files_without_any_are_left_out(catalog: CurveCatalog) -> None:
    chosen = selected(catalog, "study = 'second' and clip = 'clip-1' and modulation = 'env'")
    assert found(chosen) == [("second", arm, "clip-1", "env") for arm in ("lpf-8", "frame")]
    assert len(chosen.files) == 2
    assert [batch.indices.tolist() for batch in chosen.batches()] == [[3], [3]]


def test_a_selection_is_of_the_rows_that_other_options_leave(catalog: CurveCatalog) -> None:
    root = catalog.files[0].attempt.store.root
    own = open_curves(root, arms=["frame"], modulations=["add"])
    assert found(selected(own, "clip > 'clip-0'")) == [("first", "frame", f"clip-{i}", "add") for i in (1, 2)]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            "",
            "expression of 1 to 2000 characters over study, arm, seed, clip, modulation, f0_hz, audio_mss; got",
        ),
        ("a" * 2001, "of 1 to 2000 characters"),
        ("arms = 'lpf-8'", "there is no column 'arms'; did you mean arm?"),
        ("clip_id = 'a'", "there is no column 'clip_id'; did you mean clip?"),
        ("arm = lpf", "there is no column 'lpf'; text is put in single quotes, as in arm = 'lpf-8'"),
        ("arm = 'lpf-8", "unrecognized token"),
        ("arm like", "incomplete|syntax error"),
        ("1) or (1", "."),
        ("1; drop table curves", "syntax error"),
        ("1); drop table curves", "one statement"),
        ("unknown(arm)", "no such function: unknown"),
        ("exists (select 1 from pragma_database_list)", "it may only read these columns"),
        ("load_extension('x')", "it may only read these columns|no such function|not authorized"),
        ("readfile('/etc/passwd') > ''", "no such function: readfile"),
        ("length(randomblob(1000000000)) > 1", "too big"),
        ("(with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n) > 1", "only read"),
        ("arm = '\ud800'", "got"),
        ("a\0b", "got"),
    ],
)
def test_a_mistake_is_one_line(catalog: CurveCatalog, where: str, message: str) -> None:
    if where == "1) or (1":
        assert len(found(selected(catalog, where))) == 24
        return
    with pytest.raises(ConfigError, match=message) as error:
        selected(catalog, where)
    assert len(str(error.value)) < 500


def test_an_expression_that_takes_too_long_ends(catalog: CurveCatalog) -> None:
    many = ", ".join(f"curves as c{i}" for i in range(8))
    started = time.monotonic()
    with pytest.raises(ConfigError, match="takes too long; simplify it"):
        selected(catalog, f"(select count(*) from {many}) > 0")
    assert time.monotonic() - started < 30


def test_nothing_is_written_and_no_other_file_is_read(catalog: CurveCatalog, tmp_path: Path) -> None:
    for where in (f"(attach database '{tmp_path}/x.db' as x)", f"1 union attach '{tmp_path}/x.db'", "vacuum"):
        with pytest.raises(ConfigError):
            selected(catalog, where)
    assert not list(tmp_path.iterdir())


def test_single_rows_are_no_dataset(catalog: CurveCatalog) -> None:
    with pytest.raises(StoreError, match="read the batches"):
        selected(catalog, "arm = 'frame'").dataset()
