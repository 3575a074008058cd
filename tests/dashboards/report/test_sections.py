"""The page's sections: each renders by itself, and the navigation has one link for each that is shown."""

from dataclasses import replace

import pytest

from dashboards.analysis.study_results import load_results
from dashboards.palette import arm_styles
from dashboards.report.audio_gallery import AUDIO_GALLERY
from dashboards.report.page import SECTIONS, render_page
from dashboards.report.run import RUN
from dashboards.report.section import ReportData, Section
from tests.dashboards.report.html_page import HtmlPage
from tests.support.fake_study import ARMS, FakeArm, MakeStudy


@pytest.fixture
def report(make_study: MakeStudy) -> ReportData:
    return report_data(make_study, n_clips=1)


def report_data(make_study: MakeStudy, *args: object, **options: object) -> ReportData:
    store = make_study(*args, **options)
    results = load_results(store)
    return ReportData(store=store, results=results, styles=arm_styles(results.arms))


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.id)
def test_a_section_renders_by_itself(report: ReportData, section: Section) -> None:
    page = HtmlPage(render_page(report, (section,)))
    assert page.section_ids == [section.id]
    assert page.links == [f"#{section.id}"]
    assert section.title in page.text


def test_the_navigation_lists_the_sections_in_order(report: ReportData) -> None:
    page = HtmlPage(render_page(report))
    assert page.section_ids == ["findings", "front", "arms", "listen", "problems", "run"]
    assert page.links == [f"#{id_}" for id_ in page.section_ids]


def test_a_section_without_content_is_left_out_with_its_link_and_script(make_study: MakeStudy) -> None:
    silent = report_data(make_study, n_clips=0)
    assert AUDIO_GALLERY.context(silent) is None
    html = render_page(silent)
    page = HtmlPage(html)
    assert page.section_ids == ["findings", "front", "arms", "problems", "run"]
    assert page.links == [f"#{id_}" for id_ in page.section_ids]
    assert "show-projection" not in html.rpartition("<script>")[2]


def test_no_two_sections_share_an_id_or_data(report: ReportData) -> None:
    assert len({section.id for section in SECTIONS}) == len(SECTIONS)
    keys = [key for section in SECTIONS for key in section.data(report)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(("is_white_box", "checked"), [(True, False), (False, True)])
def test_projections_are_shown_at_first_unless_the_synth_is_the_true_one(
    make_study: MakeStudy, is_white_box: bool, checked: bool
) -> None:
    arms = [replace(arm, is_white_box=is_white_box) for arm in ARMS]
    page = HtmlPage(render_page(report_data(make_study, arms, n_clips=1), (AUDIO_GALLERY,)))
    box = next(attributes for _, attributes in page.tags if attributes.get("id") == "projection")
    assert ("checked" in box) == checked


def test_copied_trials_are_marked_with_the_study_that_trained_them(make_study: MakeStudy) -> None:
    copied = FakeArm(name="copied", mss=0.8, tv=5.0, copied_from={0: "pilot", 2: "pilot", 1: "earlier"})
    page = HtmlPage(render_page(report_data(make_study, [copied, *ARMS], seeds=3, n_clips=0), (RUN,)))
    assert "trained in study pilot: 0, 2" in page.text
    assert "trained in study earlier: 1" in page.text
    assert page.text.count("trained in study") == 2


def test_nothing_is_marked_where_nothing_was_copied(report: ReportData) -> None:
    assert "trained in study" not in HtmlPage(render_page(report)).text
