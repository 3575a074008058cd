"""The costs of a trial are measured once for each kind of arm, and remembered for this machine and this code."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import StudyError
from core.settings.trial import TrialConfig
from core.training.warmup import TrialCosts
from study.planning import estimates
from study.planning.estimates import MAX_MEASURED, MIN_MEASURED, CostTable, cost_table, kind_of_arm
from tests.support.configs import configured

FRAME = configured("parameterization.kind=frame")
SPLINE = configured("parameterization.kind=spline")
Timed = list[TrialConfig]
"""The configs whose steps were timed."""


@pytest.fixture
def timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Timed:
    """A cache of the test's own, and steps that take as many seconds as the encoder is wide."""
    found: Timed = []

    def measured(config: TrialConfig) -> TrialCosts:
        found.append(config)
        return TrialCosts(step_s=float(config.encoder.width), clip_s=0.5, n_weights=7)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("core.training.warmup.measure_costs", measured)
    return found


def table(*configs: TrialConfig) -> CostTable:
    found = cost_table(configs)
    assert found is not None
    return found


def test_nothing_is_known_before_a_measurement_and_its_result_after_it(timed: Timed) -> None:
    assert cost_table([FRAME], cached_only=True) is None
    assert timed == []
    assert table(FRAME).of(FRAME) == TrialCosts(step_s=16.0, clip_s=0.5, n_weights=7)
    known = cost_table([FRAME], cached_only=True)
    assert known is not None
    assert known.of(FRAME) == table(FRAME).of(FRAME)
    assert timed == [FRAME]


@pytest.mark.parametrize(
    "setting",
    ["seed=3", "optimizer.lr=0.1", "trainer.max_steps=7", "data.n_train=9", "parameterization.n_segments=4"],
)
def test_arms_that_differ_in_what_costs_no_time_are_one_kind(setting: str) -> None:
    assert kind_of_arm(configured("parameterization.kind=spline", setting)) == kind_of_arm(SPLINE)


@pytest.mark.parametrize(
    "setting",
    [
        "parameterization.kind=frame",
        "encoder.width=8",
        "synth.kind=engel",
        "trainer.batch_size=8",
        "trainer.max_steps=0",
    ],
)
def test_arms_that_differ_in_what_costs_time_are_two_kinds(setting: str) -> None:
    assert kind_of_arm(configured("parameterization.kind=spline", setting)) != kind_of_arm(SPLINE)


def test_each_kind_is_measured_once_and_new_kinds_only(timed: Timed) -> None:
    other = configured("parameterization.kind=frame", "optimizer.lr=0.1")
    assert table(FRAME, other).n_measured == 1
    assert table(FRAME, SPLINE).n_measured == 2
    assert timed == [FRAME, SPLINE]


def test_of_many_kinds_some_are_measured_and_the_others_cost_what_the_nearest_does(timed: Timed) -> None:
    widths = [replace(FRAME, encoder=replace(FRAME.encoder, width=width)) for width in range(1, 4 * MAX_MEASURED + 1)]
    found = table(*widths)
    assert found.n_measured == len(timed) == MAX_MEASURED
    assert len(found.costs) == 4 * MAX_MEASURED
    assert [found.of(config).step_s for config in widths[:8]] == [1, 1, 1, 5, 5, 5, 5, 9]
    assert found.of(widths[-1]).step_s == len(widths)


@pytest.mark.usefixtures("timed")
def test_of_many_kinds_few_are_measured_if_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "MEASURE_S", 0.0)
    widths = [replace(FRAME, encoder=replace(FRAME.encoder, width=width)) for width in range(1, 4 * MAX_MEASURED + 1)]
    found = table(*widths)
    assert found.n_measured == MIN_MEASURED
    assert {found.of(config).step_s for config in (widths[0], widths[-1])} == {1, len(widths)}


def _other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "code_version", lambda: "another")


def _other_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "another")


@pytest.mark.parametrize("change", [_other_code, _other_machine])
def test_what_was_measured_with_other_code_or_elsewhere_does_not_count(
    change: Callable[[pytest.MonkeyPatch], None], timed: Timed, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(FRAME)
    assert timed
    change(monkeypatch)
    assert cost_table([FRAME], cached_only=True) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"step_s": null}', b'{"step_s": 1}', b"\xff"])
def test_a_damaged_file_is_as_good_as_none(content: bytes, timed: Timed, tmp_path: Path) -> None:
    table(FRAME)
    assert timed
    (file,) = (tmp_path / "cache").rglob("estimates/*.json")
    file.write_bytes(content)
    assert cost_table([FRAME], cached_only=True) is None


def test_a_cache_that_cannot_be_written_costs_a_warning_only(
    timed: Timed, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_bytes(b"a file where the folder would be")
    assert table(FRAME).of(FRAME).step_s == 16.0
    assert timed
    assert "the time cannot be remembered" in caplog.text


def test_a_step_that_fails_is_an_error_with_a_remedy(timed: Timed, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: TrialConfig) -> TrialCosts:
        raise RuntimeError("not enough memory: you tried to allocate 64 TB\nand more")

    assert timed == []
    monkeypatch.setattr("core.training.warmup.measure_costs", fail)
    with pytest.raises(StudyError, match=r"kind=frame.* fails: not enough memory: .* TB; if memory is short, lower"):
        cost_table([FRAME])
