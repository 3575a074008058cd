"""`modstudy resume`, `modstudy extend` and `modstudy report` go on with a study that is there."""

from pathlib import Path

import pytest

from study.commands.options import BAD_INPUT
from tests.support.command_line import Command, flat
from tests.support.tiny_study import create_study, tiny_plan


@pytest.mark.parametrize("arguments", [["resume", "none"], ["extend", "none", "--seeds", "3"], ["report", "none"]])
def test_a_study_that_is_not_there_is_named_with_those_that_are(
    modstudy: Command, tmp_path: Path, arguments: list[str]
) -> None:
    assert "there is no study 'none' under runs; there is none yet: modstudy launch STUDY" in flat(modstudy(*arguments))
    create_study(tmp_path / "runs" / "mine", tiny_plan())
    result = modstudy(*arguments)
    assert result.exit_code == BAD_INPUT
    assert "there is no study 'none' under runs; studies there: mine" in flat(result)


@pytest.mark.parametrize("arguments", [["resume", "mine"], ["extend", "mine", "--seeds", "3"]])
def test_other_code_than_the_study_began_with_is_refused_unless_allowed(
    modstudy: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    create_study(tmp_path / "runs" / "mine", tiny_plan())
    monkeypatch.setattr("core.storage.code_version.code_version", lambda: "another")
    result = modstudy(*arguments)
    assert result.exit_code == BAD_INPUT
    assert "and this is another" in flat(result)
    assert "--allow-code-change" in flat(result)


def test_a_study_does_not_shrink(modstudy: Command, tmp_path: Path) -> None:
    create_study(tmp_path / "runs" / "mine", tiny_plan())
    result = modstudy("extend", "mine", "--seeds", "1")
    assert result.exit_code == BAD_INPUT
    assert "a study grows, and mine has 2 seeds already; got --seeds 1; raise it" in flat(result)
