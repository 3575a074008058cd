"""What matters, in the report."""

from pathlib import Path

import pytest

from core.storage.store import Store
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.palette import arm_styles
from dashboards.report.effects import EFFECTS, component_tables, factorial_tables
from dashboards.report.page import render_page
from dashboards.report.section import ReportData
from tests.dashboards.analysis.test_effects import GRID, results_of
from tests.dashboards.analysis.test_importance import searched
from tests.dashboards.report.html_page import HtmlPage
from tests.dashboards.report.test_sections import report_data
from tests.support.fake_study import MakeStudy


def text_of(analysis: StudyAnalysis, folder: Path) -> str:
    report = ReportData(store=Store(folder), analysis=analysis, styles=arm_styles(analysis.results.arms))
    return " ".join(HtmlPage(render_page(report, (EFFECTS,))).text.split())


def test_each_objective_has_a_table_of_steps_with_their_effects(tmp_path: Path) -> None:
    analysis = StudyAnalysis(results_of(GRID, lambda arm: 1.0 if arm.startswith("engel") else 0.0))
    assert analysis.effects is not None
    mss, _ = factorial_tables(analysis.effects)
    row = next(row for row in mss.main if "engel" in row.change)
    assert row.estimate.mean == pytest.approx(1.0)
    assert row.sign == "clear"
    assert row.place.mean > 50
    for other in mss.main:
        if other is not row:
            assert other.estimate.mean == pytest.approx(0.0, abs=1e-9)
    text = text_of(analysis, tmp_path)
    assert "Effects on audio.mss, smaller is better" in text
    assert row.change in text


def test_a_removed_component_has_its_cost(tmp_path: Path) -> None:
    configs = {"full": {"a": 1, "b": 1}, "without a": {"a": 0, "b": 1}, "without b": {"a": 1, "b": 0}}
    study_file = {"ablation": {"kind": "leave_one_out", "components": {"a": {"a": 0}, "b": {"b": 0}}}}
    analysis = StudyAnalysis(results_of(configs, lambda arm: float(arm == "without a"), study_file=study_file))
    assert analysis.effects is not None
    mss = component_tables(analysis.effects)[0]
    assert {row.what: round(row.estimate.mean, 9) for row in mss.main} == {"a": 1.0, "b": 0.0}
    assert "without a instead of full" in text_of(analysis, tmp_path)


def test_importances_are_bars_that_add_up(tmp_path: Path) -> None:
    analysis = StudyAnalysis(searched(lambda settings: (settings["trainer.batch_size"], 0.0)))
    assert analysis.importance
    text = text_of(analysis, tmp_path)
    assert "Importance of the searched settings" in text
    for cell in analysis.importance:
        assert all(f"{path} {share:.2f}" in text for path, share in cell.shares.items())


def test_a_study_of_single_arms_has_no_such_section(make_study: MakeStudy) -> None:
    assert EFFECTS.context(report_data(make_study, n_clips=0)) is None
