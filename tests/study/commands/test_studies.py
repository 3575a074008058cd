"""`modstudy studies`: the built-in studies, with their times where they were measured."""

from pathlib import Path

import pytest

from core.settings.trial import TrialConfig
from core.training.warmup import TrialCosts
from search_spaces.study_parsing import built_in_studies, load_study
from study.commands.options import OK
from tests.support.command_line import Command, flat

HINT = "Times are not measured on this machine yet: modstudy studies --estimate"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_it_answers_without_measuring(modstudy: Command, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    def refuse(config: TrialConfig) -> TrialCosts:
        raise AssertionError(f"no step of {config.parameterization.kind} is to be timed")

    monkeypatch.setattr("core.training.warmup.measure_costs", refuse)
    result = modstudy("studies")
    text = flat(result)
    assert result.exit_code == OK
    for name in built_in_studies():
        study = load_study(name)
        assert name in text
        assert str(len(study.named_arms()) * len(study.seeds)) in text
    assert HINT in text
    assert not cache.exists()


def test_times_are_measured_on_request_and_remembered(modstudy: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[TrialConfig] = []

    def minute(config: TrialConfig) -> TrialCosts:
        timed.append(config)
        return TrialCosts(step_s=0.3, clip_s=0.01, n_weights=1000)

    monkeypatch.setattr("core.training.warmup.measure_costs", minute)
    measured = modstudy("studies", "--estimate")
    assert measured.exit_code == OK, measured.output
    assert timed
    assert " min" in flat(measured)
    assert HINT not in flat(measured)
    n_timed = len(timed)
    assert modstudy("studies").output.split() == measured.output.split()
    assert len(timed) == n_timed
