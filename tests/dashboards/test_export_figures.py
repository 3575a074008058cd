"""Figures for papers: each is there in every format, with its words as text."""

import io

import pytest
from matplotlib.image import imread

from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import load_results
from dashboards.export_figures import effects_figure, study_figures
from dashboards.figures import rendered_figure
from dashboards.report.effects import factorial_tables
from tests.dashboards.analysis.test_effects import GRID, results_of
from tests.support.fake_study import ARMS, FakeArm, MakeStudy, without_clips

FIGURES = {"front", "comparisons-audio.mss", "comparisons-interpretability.tv", "learning"}


@pytest.fixture
def make_study(make_study: MakeStudy) -> MakeStudy:
    return without_clips(make_study)


def analysis_of(make_study: MakeStudy, *arms: FakeArm, seeds: int = 2) -> StudyAnalysis:
    return StudyAnalysis(load_results(make_study(arms or ARMS, seeds=seeds)))


def test_every_figure_opens_as_a_picture(make_study: MakeStudy) -> None:
    figures = study_figures(analysis_of(make_study))
    assert figures.keys() == FIGURES
    for figure in figures.values():
        height, width, _ = imread(io.BytesIO(rendered_figure(figure, "png"))).shape
        assert min(height, width) >= 400


def test_svg_has_its_words_as_text_and_pdf_its_fonts(make_study: MakeStudy) -> None:
    figures = study_figures(analysis_of(make_study))
    words = {"front": "frame", "comparisons-audio.mss": "lpf-8 – frame", "learning": "validation loss"}
    for name, text in words.items():
        svg = rendered_figure(figures[name], "svg").decode()
        assert "<text" in svg
        assert text in svg
        pdf = rendered_figure(figures[name], "pdf")
        assert pdf.startswith(b"%PDF")
        assert b"/FontFile2" in pdf


def test_effects_are_drawn_with_their_steps() -> None:
    analysis = StudyAnalysis(results_of(GRID, lambda arm: float(arm.startswith("engel"))))
    assert analysis.effects is not None
    table = factorial_tables(analysis.effects)[0]
    svg = rendered_figure(effects_figure(table), "svg").decode()
    assert all(f"{row.what}: {row.change}" in svg for row in table.main)


def test_names_are_no_formulas_and_none_is_left_out_of_the_legend(make_study: MakeStudy) -> None:
    figures = study_figures(analysis_of(make_study, FakeArm(name="_$x_1$ <b>", mss=0.5, tv=2.0), *ARMS[:2]))
    assert "_$x_1$ &lt;b&gt;" in rendered_figure(figures["learning"], "svg").decode()
    assert "lpf-8 – _$x_1$ &lt;b&gt;" in rendered_figure(figures["comparisons-audio.mss"], "svg").decode()


def test_a_study_without_records_has_the_empty_front_only(make_study: MakeStudy) -> None:
    waiting = [FakeArm(name=name, mss=1.0, tv=1.0, outcomes={0: None, 1: None}) for name in ("a", "b")]
    assert study_figures(analysis_of(make_study, *waiting)).keys() == {"front"}
