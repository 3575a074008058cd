"""The section "Modulations": a row for each modulation of each arm, and for each module with a signature."""

from dataclasses import replace

import pytest

from core.storage.records import Signature
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import load_results
from dashboards.palette import arm_styles
from dashboards.report import modulations
from dashboards.report.modulations import MODULATIONS, modulation_rows
from dashboards.report.page import render_page
from dashboards.report.problems import PROBLEMS
from dashboards.report.section import ReportData
from tests.dashboards.report.html_page import HtmlPage
from tests.support.fake_study import ARMS, MakeStudy
from tests.support.fake_study import MODULATIONS as NAMES

WRONG = (
    Signature(kind="no effect", part="add", value=0.004),
    Signature(kind="aliasing", part="sound", value=-25.0),
)


def report_of(make_study: MakeStudy) -> ReportData:
    frame = replace(ARMS[0], signatures={0: WRONG, 1: WRONG[:1]})
    store = make_study([frame, *ARMS[1:]], n_clips=0)
    results = load_results(store)
    return ReportData(store=store, analysis=StudyAnalysis(results), styles=arm_styles(results.arms))


def test_every_modulation_has_a_row_and_modules_only_with_a_signature(make_study: MakeStudy) -> None:
    rows = list(modulation_rows(report_of(make_study).results))
    assert [row.part for row in rows if row.arm == "frame"] == [*NAMES, "sound"]
    assert [row.part for row in rows if row.arm == "lpf-8"] == list(NAMES)
    add, *_, sound = (row for row in rows if row.arm == "frame")
    assert (add.remark, add.signatures) == ("no effect", ("no effect in 2 of 2 trials (0.00400)",))
    assert (sound.remark, sound.signatures) == ("", ("aliasing in 1 of 2 trials (-25.0 dB)",))
    effect, reach, saturation = add.estimates
    assert effect is not None
    assert (effect.mean, reach and reach.mean, saturation and saturation.mean) == (0.4, 0.8, 0.02)


def test_the_page_has_the_rows_and_what_their_signatures_mean(make_study: MakeStudy) -> None:
    page = HtmlPage(render_page(report_of(make_study), (MODULATIONS,)))
    assert "no effect in 2 of 2 trials (0.00400)" in page.text
    assert "holding it at its mean raises audio.mss by less than 0.05" in page.text
    assert "the branch has less energy" not in page.text, "only signatures that occur are explained"


def test_the_rows_with_signatures_are_kept_where_there_are_too_many(
    make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modulations, "MAX_ROWS", 2)
    page = HtmlPage(render_page(report_of(make_study), (MODULATIONS,)))
    assert "aliasing in 1 of 2 trials" in page.text
    assert "20 further rows" in page.text


def test_values_that_a_metric_leaves_out_are_counted_with_their_share(make_study: MakeStudy) -> None:
    arms = [replace(arm, n_flat=2 if arm.name == "frame" else 0) for arm in ARMS if arm.tv]
    store = make_study(arms, n_clips=0)
    results = load_results(store)
    report = ReportData(store=store, analysis=StudyAnalysis(results), styles=arm_styles(results.arms))
    # 2 of 8 clips, of one of three modulations, in each of two seeds.
    assert "interpretability.tv 4 (8.33 %)" in HtmlPage(render_page(report, (PROBLEMS,))).text
