"""The study on a terminal."""

import io
from pathlib import Path

from rich.console import Console

from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import StudyResults, load_results
from dashboards.tables import arm_table, front_text
from tests.support.fake_stages import fake_race
from tests.support.fake_study import ARMS, FakeArm, MakeStudy


def printed(make_study: MakeStudy, arms: tuple[FakeArm, ...], width: int) -> str:
    return shown(load_results(make_study(arms, n_clips=0)), width)


def shown(results: StudyResults, width: int) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(arm_table(results), front_text(StudyAnalysis(results)))
    return console.export_text()


def test_the_table_fits_80_columns(make_study: MakeStudy) -> None:
    text = printed(make_study, ARMS, 80)
    for arm in ARMS:
        assert f"\n{arm.name} " in text
    assert "● front" in text
    assert "status" in text
    assert "…" not in text


def test_the_front_is_stated_with_its_hypervolume(make_study: MakeStudy) -> None:
    text = printed(make_study, ARMS, 200)
    assert "Front over audio.mss (smaller is better), interpretability.tv (smaller is better):" in text
    assert "4 of 7 arms; hypervolume 168 from audio.mss 5.00, interpretability.tv 42.7" in text


def test_names_are_never_markup(make_study: MakeStudy) -> None:
    assert "[red]" in printed(make_study, (FakeArm(name="[red]", mss=1.0, tv=3.0),), 200)


def test_an_arm_that_a_race_leaves_open_is_undecided(tmp_path: Path) -> None:
    text = shown(load_results(fake_race(tmp_path / "race", n_clips=0)), 80)
    rows = {line.split()[0]: line for line in reversed(text.splitlines()) if line.strip()}
    assert "● front" in rows["frame"]
    assert "○ undecided" in rows["spline-9"]
    assert "(undecided in the race)" in text
    assert "…" not in text
