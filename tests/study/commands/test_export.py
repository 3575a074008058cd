"""`modstudy export` writes figures and tables into a folder."""

from pathlib import Path

import pytest

from tests.support.command_line import Command, flat
from tests.support.fake_study import fake_study


@pytest.mark.parametrize(("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_figures_are_written_in_each_format(modstudy: Command, tmp_path: Path, form: str, start: bytes) -> None:
    fake_study(tmp_path / "runs" / "mine", n_clips=0)
    result = modstudy("export", "figures", "mine", "--format", form, "--out", "paper")
    assert result.exit_code == 0, result.output
    written = sorted((tmp_path / "paper").iterdir())
    assert [path.name for path in written] == [
        f"mine-{name}.{form}"
        for name in ("comparisons-audio.mss", "comparisons-interpretability.tv", "front", "learning")
    ]
    for path in written:
        assert path.read_bytes().startswith(start)
        assert f"paper/{path.name}" in flat(result)


def test_tables_are_printed_or_written(modstudy: Command, tmp_path: Path) -> None:
    fake_study(tmp_path / "runs" / "mine", n_clips=0)
    assert "| frame |" in modstudy("export", "tables", "mine").output
    result = modstudy("export", "tables", "mine", "--format", "latex", "--out", "paper")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "paper" / "mine-arms.tex").read_text().startswith(r"\begin{table}")


def test_a_table_of_metrics_is_printed_or_written(modstudy: Command, tmp_path: Path) -> None:
    fake_study(tmp_path / "runs" / "mine", n_clips=0)
    chosen = ("export", "tables", "mine", "--metric", "audio.mss", "--metric", "curves.l1.lls3/curves.l1.lls1")
    result = modstudy(*chosen)
    assert result.exit_code == 0, result.output
    assert "| arm | audio.mss | curves.l1.lls3/curves.l1.lls1 |" in result.output
    assert "difference" not in result.output
    result = modstudy(*chosen, "--against", "lpf-8", "--arm", "frame", "--format", "csv", "--out", "paper")
    assert result.exit_code == 0, result.output
    assert "paper/mine-metrics.csv" in flat(result)
    header, row = (tmp_path / "paper" / "mine-metrics.csv").read_text().splitlines()
    assert header == "arm,audio.mss,curves.l1.lls3/curves.l1.lls1"
    assert row.startswith('frame,"-')


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--against", "frame"), "add --metric METRIC"),
        (("--arm", "frame"), "add --metric METRIC"),
        (("--metric", "audio.ms"), "did you mean audio.mss?"),
        (("--metric", "audio.mss", "--against", "fram"), "did you mean frame?"),
    ],
)
def test_a_table_of_metrics_that_cannot_be_made_is_refused(
    modstudy: Command, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    fake_study(tmp_path / "runs" / "mine", n_clips=0)
    result = modstudy("export", "tables", "mine", *options)
    assert result.exit_code == 2
    assert message in flat(result)


def test_a_study_that_is_not_there_is_named(modstudy: Command) -> None:
    result = modstudy("export", "figures", "nothing")
    assert result.exit_code != 0
    assert "nothing" in flat(result)
