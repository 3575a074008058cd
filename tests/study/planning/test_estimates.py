"""The time of a study is measured when wanted, and remembered for this machine and this code."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.settings.trial import TrialConfig
from search_spaces.study_file import StudyFile
from study.planning import estimates
from study.planning.estimates import STARTUP_S, cached_duration_s, measure_duration_s
from study.planning.resources import usable_cpus
from tests.support.tiny_study import ARMS, tiny_study

Timed = list[TrialConfig]
"""The configs whose steps were timed."""


@pytest.fixture
def timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Timed:
    """A cache of the test's own, and a second for every trial."""
    found: Timed = []

    def second(config: TrialConfig) -> float:
        found.append(config)
        return 1.0

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("core.training.warmup.estimate_seconds", second)
    return found


def test_nothing_is_known_before_a_measurement_and_its_result_after_it(study: StudyFile, timed: Timed) -> None:
    assert cached_duration_s(study) is None
    assert timed == []
    seconds = measure_duration_s(study)
    assert seconds == STARTUP_S + 3 * 1.0 * 2 / usable_cpus()
    assert len(timed) == 3
    assert cached_duration_s(study) == seconds
    assert len(timed) == 3


def test_arms_that_differ_in_numbers_of_their_parameterization_are_timed_once(timed: Timed) -> None:
    slower = {"name": "lpf-4", "config": {"parameterization": {"kind": "low_pass", "cutoff_hz": 4.0}}}
    wider = {"name": "wide", "config": {"parameterization": {"kind": "frame"}, "encoder": {"width": 32}}}
    seconds = measure_duration_s(tiny_study(arms=[*ARMS, slower, wider]))
    assert len(timed) == 4
    assert seconds == STARTUP_S + 5 * 1.0 * 2 / usable_cpus()


def _other_study(study: StudyFile, monkeypatch: pytest.MonkeyPatch) -> StudyFile:
    del study, monkeypatch
    return tiny_study(seeds=[0, 1, 2])


def _other_code(study: StudyFile, monkeypatch: pytest.MonkeyPatch) -> StudyFile:
    monkeypatch.setattr(estimates, "code_version", lambda: "another")
    return study


def _other_machine(study: StudyFile, monkeypatch: pytest.MonkeyPatch) -> StudyFile:
    monkeypatch.setattr(estimates, "usable_cpus", lambda: 1000)
    return study


@pytest.mark.parametrize("change", [_other_study, _other_code, _other_machine])
def test_what_was_measured_for_another_study_code_or_machine_does_not_count(
    change: Callable[[StudyFile, pytest.MonkeyPatch], StudyFile],
    study: StudyFile,
    timed: Timed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measure_duration_s(study)
    assert timed
    assert cached_duration_s(change(study, monkeypatch)) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"seconds": null}', b'{"seconds": "soon"}', b"\xff"])
def test_a_damaged_file_is_as_good_as_none(content: bytes, study: StudyFile, timed: Timed, tmp_path: Path) -> None:
    measure_duration_s(study)
    assert timed
    (file,) = (tmp_path / "cache").rglob("estimates/*.json")
    file.write_bytes(content)
    assert cached_duration_s(study) is None


def test_a_cache_that_cannot_be_written_costs_a_warning_only(
    study: StudyFile, timed: Timed, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_bytes(b"a file where the folder would be")
    assert measure_duration_s(study) > STARTUP_S
    assert timed
    assert "the time cannot be remembered" in caplog.text
