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
    create_study(tmp_path / "runs" / "mine", tiny_plan(name="mine"))
    result = modstudy("extend", "mine", "--seeds", "1")
    assert result.exit_code == BAD_INPUT
    assert "a study grows, and mine has 2 seeds already; got --seeds 1; raise it" in flat(result)


def test_an_extension_adds_something(modstudy: Command, tmp_path: Path) -> None:
    create_study(tmp_path / "runs" / "mine", tiny_plan())
    result = modstudy("extend", "mine")
    assert result.exit_code == BAD_INPUT
    assert "give --seeds N, --arms FILE or both" in flat(result)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no [[arms]]"),
        ("seeds = [1]\n[[arms]]\nname = 'x'", "got seeds; leave them out"),
        ("[[arms]]\nname = 'x'\nconfg = {}", "did you mean"),
        ("[[arms]]\nname = 'frame'", "two arms are named 'frame'"),
        ("[[arms]]\nname = 'x'\nlike = 'frame'", "arms 'frame' and 'x' are the same"),
    ],
)
def test_arms_that_cannot_be_added_are_refused(modstudy: Command, tmp_path: Path, text: str, reason: str) -> None:
    store = create_study(tmp_path / "runs" / "mine", tiny_plan(name="mine"))
    (tmp_path / "more.toml").write_text(text)
    result = modstudy("extend", "mine", "--arms", "more.toml")
    assert result.exit_code == BAD_INPUT
    assert reason in flat(result)
    assert len(store.plan().segments) == 1
