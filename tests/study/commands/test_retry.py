"""`modstudy retry` runs trials with chosen outcomes again."""

from pathlib import Path

import pytest

from study.commands.options import BAD_INPUT
from study.execution.run_options import RunOptions
from study.execution.session import Session
from tests.support.command_line import Command, flat
from tests.support.tiny_study import create_study, tiny_plan


@pytest.mark.parametrize("outcome", ["finished", "divergent"])
def test_an_outcome_that_cannot_be_retried_is_refused(modstudy: Command, tmp_path: Path, outcome: str) -> None:
    create_study(tmp_path / "runs" / "mine", tiny_plan())
    result = modstudy("retry", "mine", "--outcome", outcome)
    assert result.exit_code == BAD_INPUT
    assert (
        "--outcome is one of stopped, diverged, nan, out_of_memory, timed_out, lost, crashed, cancelled, failed"
        in flat(result)
    )
    assert repr(outcome) in flat(result)


def test_the_outcomes_are_those_of_the_options(
    modstudy: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_study(tmp_path / "runs" / "mine", tiny_plan())
    runs: list[RunOptions] = []
    monkeypatch.setattr(Session, "run", lambda _self, _build, options: runs.append(options))
    modstudy("retry", "mine", "--outcome", "nan", "--outcome", "failed")
    assert [options.retry for options in runs] == [frozenset({"nan", "failed"})]
