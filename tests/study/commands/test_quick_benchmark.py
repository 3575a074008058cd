"""`modstudy doctor --bench`: how fast training is here."""

import pytest

from study.commands import quick_benchmark
from study.commands.options import OK
from tests.support.command_line import Command


def test_it_times_steps_and_kernels(modstudy: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick_benchmark, "TIMED_CALLS", 1)
    result = modstudy("doctor", "--bench")
    assert result.exit_code == OK, result.output
    lines = result.output.splitlines()
    for kind in ("frame", "low_pass", "spline"):
        assert any(f"training step, small preset, {kind}" in line and " ms" in line for line in lines)
    assert sum("times as long" in line for line in lines) == 4
