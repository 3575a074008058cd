"""How sure the front is, in the report."""

from pathlib import Path

import numpy as np

from core.statistics.attainment import AttainmentDifference
from core.statistics.pareto import Bounds
from dashboards.analysis.front_uncertainty import FamilyComparison
from dashboards.report.certainty import CERTAINTY, certainties, family_sentences
from dashboards.report.page import render_page
from tests.dashboards.report.html_page import HtmlPage
from tests.dashboards.report.test_sections import report_data, report_of
from tests.support.fake_stages import fake_race
from tests.support.fake_study import FRONT, MakeStudy

BOUNDS = {"audio.mss": Bounds(0.0, 5.0), "curves.pcc": Bounds(1.0, 0.0)}


def families(*differences: AttainmentDifference) -> FamilyComparison:
    return FamilyComparison(
        factor="parameterization.kind", families={"a": ("x",), "b": ("y",)}, differences={("a", "b"): differences}
    )


def test_the_table_has_the_arms_by_their_probability(make_study: MakeStudy) -> None:
    report = report_data(make_study, seeds=4, n_clips=0)
    front = report.analysis.front
    assert front is not None
    rows = certainties(report, front)
    assert {row.arm.name for row in rows if row.on_front > 0.9} == FRONT
    assert [row.on_front for row in rows] == sorted((row.on_front for row in rows), reverse=True)
    assert np.allclose(sum(np.array(row.best) for row in rows), 1, atol=0.02)
    page = HtmlPage(render_page(report, (CERTAINTY,)))
    assert front.method in page.text
    assert "given the 4 seeds so far" in " ".join(page.text.split())


def test_families_are_compared_where_the_difference_is_largest() -> None:
    found = families(
        AttainmentDifference(low=(1.0, 0.2), high=(2.0, 0.5), difference=0.5),
        AttainmentDifference(low=(2.0, 0.0), high=(5.0, 0.4), difference=1.0),
        AttainmentDifference(low=(0.5, 0.6), high=(0.7, 0.8), difference=-0.25),
    )
    assert family_sentences(found, BOUNDS) == (
        "a is ahead of b by up to 100 % of the seeds, most of all at audio.mss 2.00 or more and curves.pcc 0.400 or "
        "less.",
        "b is ahead of a by up to 25 % of the seeds, most of all at audio.mss 0.500 to 0.700 and curves.pcc 0.600 to "
        "0.800.",
    )


def test_equal_families_have_no_sentence() -> None:
    assert family_sentences(families(), BOUNDS) == ()


def test_a_race_and_a_single_seed_have_no_probabilities(make_study: MakeStudy, tmp_path: Path) -> None:
    assert CERTAINTY.context(report_of(fake_race(tmp_path / "race", n_clips=0))) is None
    assert CERTAINTY.context(report_data(make_study, seeds=1, n_clips=0)) is None
