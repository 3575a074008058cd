"""The benchmark's own workings, at sizes that cost nothing."""

import tomllib
from pathlib import Path

import pytest

from core.settings.rules import check
from tests.benchmarks import bench, measure
from tests.benchmarks.bench import FLOOR_SHARE, Result, below, read_floors, table_of, write_floors
from tests.benchmarks.cases import CASES, Case
from tests.benchmarks.parts import PARTS


def test_every_case_has_a_name_of_its_own_and_a_valid_config() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert {case.part for case in CASES} == PARTS.keys()
    for case in CASES:
        check(case.config())
        check(measure.tiny(case.config()))


@pytest.mark.parametrize("case", {case.part: case for case in CASES}.values(), ids=lambda case: case.part)
@pytest.mark.parametrize("side", ["stock", "ours"])
def test_every_part_runs_by_stock_and_by_us(case: Case, side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.benchmarks.parts.N_EVALUATED", 2)
    call = getattr(PARTS[case.part], side)(measure.tiny(case.config()))
    call()
    call()


def test_a_measurement_comes_from_its_own_process() -> None:
    found = measure.in_fresh_process(measure.measure, next(case for case in CASES if case.part == "features"), "ours")
    assert found.calls >= 1
    assert 0 < found.seconds < 60


def test_an_error_in_the_process_is_raised_here() -> None:
    with pytest.raises(RuntimeError, match="no such precision"):
        measure.in_fresh_process(_fail)


def _fail() -> None:
    raise ValueError("no such precision")


def test_a_ratio_below_its_floor_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "FLOORS", tmp_path / "floors.toml")
    monkeypatch.setattr(bench, "capability", lambda: "avx2")
    fast = Result("step/one", stock_s=0.4, ours_s=0.1, ratios=[3.0, 4.0, 9.0], memory_ratios=[0.5])
    write_floors([fast, Result("step/two", skipped="no such CPU")])
    floors = read_floors()
    assert floors == {"step/one": {"floor": round(FLOOR_SHARE * 4.0, 3), "reached": 4.0}}
    assert floors == tomllib.loads((tmp_path / "floors.toml").read_text())["avx2"]
    assert not below(fast, floors)
    assert below(Result("step/one", ratios=[3.3]), floors)
    assert below(Result("step/one", ratios=[float("nan")]), floors)
    assert not below(Result("step/new", ratios=[0.1]), floors)
    assert table_of([fast, Result("step/two", skipped="no such CPU")], floors).row_count == 2


def test_an_instruction_set_overrides_the_floors_for_avx2_case_by_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "FLOORS", tmp_path / "floors.toml")
    monkeypatch.setattr(bench, "capability", lambda: "avx2")
    write_floors([Result("step/one", ratios=[4.0]), Result("step/two", ratios=[2.0])])
    for_avx2 = read_floors()
    monkeypatch.setattr(bench, "capability", lambda: "avx512")
    write_floors([Result("step/two", ratios=[3.0])])
    assert read_floors() == {**for_avx2, "step/two": {"floor": round(FLOOR_SHARE * 3.0, 3), "reached": 3.0}}
    monkeypatch.setattr(bench, "capability", lambda: "avx2")
    assert read_floors() == for_avx2
