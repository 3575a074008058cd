"""Paired differences as a forest plot: intervals lie where their numbers say."""

import pytest

from core.statistics.paired import Estimate
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import load_results
from dashboards.report import comparisons, forest
from dashboards.report.comparisons import COMPARISONS, forests
from dashboards.report.forest import ForestAxis
from dashboards.report.page import render_page
from tests.dashboards.report.html_page import HtmlPage
from tests.dashboards.report.test_sections import report_data
from tests.support.fake_study import ARMS, MakeStudy, without_clips


@pytest.fixture
def analysis(make_study: MakeStudy) -> StudyAnalysis:
    return StudyAnalysis(load_results(without_clips(make_study)(seeds=6)))


def test_each_objective_has_a_plot_of_all_its_comparisons(analysis: StudyAnalysis) -> None:
    found = forests(analysis.comparisons)
    assert [plot.objective for plot in found] == list(analysis.results.objectives)
    for plot in found:
        assert [row.comparison for row in plot.rows] == [
            comparison for comparison in analysis.comparisons if comparison.objective == plot.objective
        ]


def test_marks_lie_where_their_numbers_say(analysis: StudyAnalysis) -> None:
    for plot in forests(analysis.comparisons):
        for row in plot.rows:
            estimate = row.comparison.difference.estimate
            assert estimate.lo is not None
            for place, value, is_cut in (
                (row.place.mean, estimate.mean, False),
                (row.place.lo, estimate.lo, row.place.is_cut[0]),
            ):
                expected = 0.0 if is_cut else 50 + 50 * value / plot.axis.reach
                assert place == pytest.approx(expected, abs=0.006)
        assert dict(plot.axis.ticks)["0"] == 50


def test_wide_intervals_are_cut_at_the_frame_and_say_so(make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forest, "MAX_REACH", 1.0)
    study = StudyAnalysis(load_results(without_clips(make_study)(seeds=2)))
    places = [row.place for plot in forests(study.comparisons) for row in plot.rows]
    assert any(any(place.is_cut) for place in places)
    for place in places:
        assert 0 <= place.lo <= place.mean <= place.hi <= 100
        assert place.lo == 0 or not place.is_cut[0]
        assert place.hi == 100 or not place.is_cut[1]


def test_of_many_comparisons_those_on_the_front_are_kept_and_the_others_counted(
    analysis: StudyAnalysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = forests(analysis.comparisons)
    monkeypatch.setattr(comparisons, "MAX_ROWS", 3)
    for plot, whole in zip(forests(analysis.comparisons), everything, strict=True):
        assert [row.comparison.reason for row in plot.rows] == ["front"] * 3
        assert plot.n_left_out == len(whole.rows) - 3


@pytest.mark.parametrize(
    ("estimates", "tick"),
    [([], "+0.5"), ([Estimate(0.0, None, None, 1)], "+0.5"), ([Estimate(2.4, 2.0, 2.8, 3)], "+2")],
)
def test_an_axis_has_round_ticks(estimates: list[Estimate], tick: str) -> None:
    assert ForestAxis.of(estimates).ticks[2][0] == tick


def test_the_margin_is_a_band_around_zero(make_study: MakeStudy) -> None:
    study = without_clips(make_study)(seeds=6, study_file={"margins": {"audio.mss": 0.05}})
    mss, tv = forests(StudyAnalysis(load_results(study)).comparisons)
    assert mss.margin is not None
    assert (
        mss.margin[1] - 50 == pytest.approx(50 - mss.margin[0]) == pytest.approx(50 * 0.05 / mss.axis.reach, abs=0.006)
    )
    assert tv.margin is None


def test_the_table_has_the_numbers_and_the_conclusion(make_study: MakeStudy) -> None:
    page = HtmlPage(render_page(report_data(make_study, seeds=6, n_clips=0), (COMPARISONS,)))
    assert "worse" in page.text
    assert "better" in page.text
    assert "P(better)" in page.text


def test_a_study_of_one_arm_has_no_comparisons(make_study: MakeStudy) -> None:
    assert COMPARISONS.context(report_data(make_study, ARMS[:1], n_clips=0)) is None
