"""The study in short as Markdown: what it says first, that names are shown as they are, and that it stays short."""

from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import load_results
from dashboards.finding_sentences import findings
from dashboards.report.description import MAX_LENGTH, description, escaped, verdict_text
from tests.support.fake_study import ARMS, FakeArm, fake_study


def described(root: Path, arms: tuple[FakeArm, ...] = ARMS, **options: object) -> tuple[StudyAnalysis, str]:
    analysis = StudyAnalysis(load_results(fake_study(root, arms, n_clips=0, **options)))  # type: ignore[arg-type]
    return analysis, description(analysis)


def rows(text: str) -> list[list[str]]:
    """Cells of the rows of a table, without heading and rule."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_it_begins_with_what_the_study_says(tmp_path: Path) -> None:
    analysis, text = described(tmp_path / "mine")
    assert text.startswith(f"**{escaped(verdict_text(analysis))}**")
    assert verdict_text(analysis).startswith(findings(analysis)[0])
    assert "![front](front.png)" in text
    assert "(index.html)" in text


def test_arms_on_the_front_come_first_in_the_table(tmp_path: Path) -> None:
    analysis, text = described(tmp_path / "mine")
    names = [row[0] for row in rows(text)]
    assert set(names[:4]) == {arm.name for arm in analysis.results.front}
    assert len(names) == len(ARMS)
    assert {len(row) for row in rows(text)} == {5}


def test_names_are_shown_as_they_are(tmp_path: Path) -> None:
    odd = "a|b <script>alert(1)</script> *x* [y](z) `c` _d_ 🎛\n# h"
    _, text = described(tmp_path / "mine", (replace(ARMS[0], name=odd), *ARMS[1:]), question=odd)
    assert "<script>" not in text
    assert "[y](z)" not in text
    assert rows(text)[0][0].startswith("a&#124;b &lt;script&gt;")
    assert {len(row) for row in rows(text)} == {5}


@pytest.mark.parametrize("n_arms", [1, 120])
def test_it_is_never_longer_than_a_tag_may_be(tmp_path: Path, n_arms: int) -> None:
    arms = tuple(replace(ARMS[0], name=f"{index} {'x' * 80}", mss=1 + index) for index in range(n_arms))
    _, text = described(tmp_path / "mine", arms, question="why? " * 2000)
    assert len(text) <= MAX_LENGTH
    assert rows(text)
    if n_arms == 120:
        assert text.endswith(f"and {120 - len(rows(text))} more arms")


def test_a_study_without_results_says_so(tmp_path: Path) -> None:
    _, text = described(tmp_path / "mine", (replace(ARMS[0], outcomes={0: None, 1: None}),))
    assert "no trial has finished" in text
