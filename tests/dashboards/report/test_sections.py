"""The page's sections: each renders by itself, and the navigation has one link for each that is shown."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.storage.records import DataFile, PlanSegment
from core.storage.store import Store
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import load_results
from dashboards.palette import arm_styles
from dashboards.report.arm_data import arm_data
from dashboards.report.audio_gallery import AUDIO_GALLERY
from dashboards.report.data_files import DATA_FILES
from dashboards.report.effects import EFFECTS
from dashboards.report.front import front_axes
from dashboards.report.page import SECTIONS, render_page
from dashboards.report.race import RACE
from dashboards.report.run import RUN
from dashboards.report.search import SEARCH
from dashboards.report.section import ReportData, Section
from tests.dashboards.analysis.test_effects import GRID, results_of
from tests.dashboards.report.html_page import HtmlPage
from tests.support.fake_stages import CELLS, fake_race, fake_search
from tests.support.fake_study import ARMS, OBJECTIVES, FakeArm, MakeStudy, fake_study


@pytest.fixture
def report(make_study: MakeStudy) -> ReportData:
    return report_data(make_study, n_clips=1)


def report_data(make_study: MakeStudy, *args: object, **options: object) -> ReportData:
    return report_of(make_study(*args, **options))


def report_of(store: Store) -> ReportData:
    results = load_results(store)
    return ReportData(store=store, analysis=StudyAnalysis(results), styles=arm_styles(results.arms))


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.id)
def test_a_section_renders_by_itself(report: ReportData, section: Section, tmp_path: Path) -> None:
    if section is RACE:
        report = report_of(fake_race(tmp_path / "race", n_clips=0))
    if section is SEARCH:
        report = report_of(fake_search(tmp_path / "search"))
    if section is EFFECTS:
        results = results_of(GRID, lambda _: 0.0)
        report = ReportData(store=Store(tmp_path), analysis=StudyAnalysis(results), styles=arm_styles(results.arms))
    if section is DATA_FILES:
        store = fake_study(tmp_path / "files", ARMS[:2], seeds=1, n_clips=0)
        store.append_segment(PlanSegment(stage="seeds", data_files=(DataFile(file="pad C2.wav", split="train"),)))
        report = report_of(store)
    page = HtmlPage(render_page(report, (section,)))
    assert page.section_ids == [section.id]
    assert page.links == [f"#{section.id}"]
    assert section.title in page.text


def test_the_navigation_lists_the_sections_in_order(report: ReportData) -> None:
    page = HtmlPage(render_page(report))
    assert page.section_ids == [
        "findings", "front", "certainty", "arms", "modulations", "comparisons", "settings", "listen", "learning",
        "problems", "run", "glossary",
    ]  # fmt: skip
    assert page.links == [f"#{id_}" for id_ in page.section_ids]


def test_a_section_without_content_is_left_out_with_its_link_and_script(make_study: MakeStudy) -> None:
    silent = report_data(make_study, n_clips=0)
    assert AUDIO_GALLERY.context(silent) is None
    html = render_page(silent)
    page = HtmlPage(html)
    assert page.section_ids == [
        "findings", "front", "certainty", "arms", "modulations", "comparisons", "settings", "learning", "problems",
        "run", "glossary",
    ]  # fmt: skip
    assert page.links == [f"#{id_}" for id_ in page.section_ids]
    assert "explorer-data" not in html.rpartition("<script>")[2]


def test_no_two_sections_share_an_id_or_data(report: ReportData) -> None:
    assert len({section.id for section in SECTIONS}) == len(SECTIONS)
    keys = [key for section in SECTIONS for key in section.data(report)]
    keys += arm_data(report, front_axes(report.results))
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(("is_white_box", "kind"), [(True, "raw"), (False, "lls3")])
def test_projections_are_shown_at_first_unless_the_synth_is_the_true_one(
    make_study: MakeStudy, is_white_box: bool, kind: str
) -> None:
    arms = [replace(arm, is_white_box=is_white_box) for arm in ARMS]
    page = HtmlPage(render_page(report_data(make_study, arms, n_clips=1), (AUDIO_GALLERY,)))
    buttons = [attributes for _, attributes in page.tags if "data-kind" in attributes]
    assert [button["data-kind"] for button in buttons] == ["raw", "lls1", "lls3"]
    assert [button["data-kind"] for button in buttons if button["aria-pressed"] == "true"] == [kind]


def test_the_explorer_starts_with_the_best_arm_of_each_objective(make_study: MakeStudy) -> None:
    page = HtmlPage(render_page(report_data(make_study, n_clips=1), (AUDIO_GALLERY,)))
    assert page.explorer["shown"] == ["frame", "spline-8"]


def test_without_truth_there_is_no_choice_of_projections(make_study: MakeStudy) -> None:
    page = HtmlPage(render_page(report_data(make_study, n_clips=1, truth=()), (AUDIO_GALLERY,)))
    assert not any("data-kind" in attributes for _, attributes in page.tags)
    assert "The true curves of these sounds are unknown" in " ".join(page.text.split())


def test_what_a_page_leaves_out_is_counted(make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.report.clip_choice.MAX_OTHER_ARMS", 1)
    text = " ".join(HtmlPage(render_page(report_data(make_study, n_clips=1), (AUDIO_GALLERY,))).text.split())
    assert "To limit the size of the page, 2 more arms are not on it" in text


def test_copied_trials_are_marked_with_the_study_that_trained_them(make_study: MakeStudy) -> None:
    copied = FakeArm(name="copied", mss=0.8, tv=5.0, copied_from={0: "pilot", 2: "pilot", 1: "earlier"})
    page = HtmlPage(render_page(report_data(make_study, [copied, *ARMS], seeds=3, n_clips=0), (RUN,)))
    assert "trained in study pilot: 0, 2" in page.text
    assert "trained in study earlier: 1" in page.text
    assert page.text.count("trained in study") == 2


def test_nothing_is_marked_where_nothing_was_copied(report: ReportData) -> None:
    assert "trained in study" not in HtmlPage(render_page(report)).text


def test_a_race_states_its_verdicts_and_its_promise(tmp_path: Path) -> None:
    report = report_of(fake_race(tmp_path / "race", n_clips=0))
    assert report.results.race is not None
    n_trials = report.results.race.n_trials
    text = HtmlPage(render_page(report, (RACE,))).text
    for words in (
        f"The race took {n_trials} trials, where 8 seeds of all 6 arms would take 48: {48 - n_trials} trials",
        "with a probability of at least 95 %",
        "comparisons after 3, 4, 5, 6, 7 and 8 seeds together",
        "Maron and Moore, 1993",
        "spline-16 and spline-9 are better in every objective",
        "the seeds left up to 8 seeds would decide with a probability below 0.1",
    ):
        assert words in " ".join(text.split()), words


def test_a_race_that_goes_on_saves_nothing_yet(tmp_path: Path) -> None:
    text = HtmlPage(render_page(report_of(fake_race(tmp_path / "race", n_rounds=0, n_clips=0)), (RACE,))).text
    assert "The race goes on: 18 trials are planned so far" in text
    assert "saved" not in text
    assert "more seeds are due, up to 8 seeds" in text


def test_arms_that_a_race_leaves_open_are_not_announced_as_on_the_front(tmp_path: Path) -> None:
    report = report_of(fake_race(tmp_path / "race", n_clips=0))
    page = HtmlPage(render_page(report))
    assert page.text.count("○ undecided") == 2
    assert "the race leaves undecided whether spline-8" in " ".join(page.text.split())
    by_name = {arm["name"]: arm for arm in page.data["arms"]}
    assert by_name["spline-8"]["undecided_on"] == ["audio.mss", "interpretability.tv"]
    assert by_name["frame"]["undecided_on"] == []


def test_a_search_shows_its_cells_and_what_fresh_seeds_make_of_its_picks(tmp_path: Path) -> None:
    report = report_of(fake_search(tmp_path / "search"))
    page = HtmlPage(render_page(report, (SEARCH,)))
    for cell in CELLS:
        assert cell in page.text
    assert "the seeds 1000 and 1001" in " ".join(page.text.split())
    points = page.data["search"]["arms"]
    assert len(points) == 11, "one of twelve arms failed with a seed"
    assert sum(point["colour"] is not None for point in points) == 3
    assert all(len(point["confirmed"]) == 2 for point in points if point["colour"] is not None)


def test_a_search_without_confirmation_says_so(tmp_path: Path) -> None:
    text = HtmlPage(render_page(report_of(fake_search(tmp_path / "search", n_confirmed=0)), (SEARCH,))).text
    assert "No arm is confirmed yet" in text
    assert "Optimism" not in text


def test_a_search_over_one_objective_has_no_plot(tmp_path: Path) -> None:
    html = render_page(report_of(fake_search(tmp_path / "search", objectives=OBJECTIVES[:1])), (SEARCH,))
    assert 'id="search-plot"' not in html
    assert HtmlPage(html).data["search"]["arms"] == []


def test_a_static_arm_that_races_is_named_as_such(tmp_path: Path) -> None:
    flat = FakeArm(name="flat", mss=0.9, tv=0.01, range=0.02)
    report = report_of(fake_race(tmp_path / "race", [*ARMS, flat], n_clips=0))
    assert "flat has curves that hardly move: the race compares values alone" in " ".join(
        HtmlPage(render_page(report, (RACE,))).text.split()
    )


def test_the_front_has_the_fronts_of_the_seeds(report: ReportData) -> None:
    page = HtmlPage(render_page(report))
    attainment = page.data["attainment"]
    assert (attainment["x"], attainment["y"], attainment["n_seeds"]) == ("audio.mss", "interpretability.tv", 2)
    assert [surface["n"] for surface in attainment["surfaces"]] == [1, 2]
    best, worst = (surface["steps"] for surface in attainment["surfaces"])
    assert min(y for _, y in best) <= min(y for _, y in worst)
