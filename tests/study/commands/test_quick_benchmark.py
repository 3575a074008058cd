"""`modstudy doctor --bench`."""

from typer.testing import CliRunner

from study.cli import app
from study.commands import quick_benchmark as speed


def test_it_times_steps_and_kernels(monkeypatch) -> None:
    monkeypatch.setattr(speed, "TIMED_CALLS", 1)
    done = CliRunner().invoke(app, ["doctor", "--bench"])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    for kind in ("frame", "low_pass", "spline"):
        assert any(f"training step, small preset, {kind}" in line and " ms" in line for line in lines)
    assert sum("times as long" in line for line in lines) == 4
