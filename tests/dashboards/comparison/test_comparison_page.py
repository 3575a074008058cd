"""The page, the figure and the sentences of a comparison."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from matplotlib.image import imread

from core.storage.store import Store
from dashboards.comparison.figure import comparison_figure
from dashboards.comparison.page import render_comparison
from dashboards.comparison.study_comparison import StudyComparison, compare_studies
from dashboards.comparison.text import caution, sentences
from dashboards.comparison.together import load_together
from tests.support.fake_study import ARMS, OBJECTIVES, FakeArm, MakeStudy, without_clips

Make = Callable[..., Store]


@pytest.fixture
def make(make_study: MakeStudy) -> Make:
    return without_clips(make_study)


@pytest.fixture
def comparison(make: Make) -> StudyComparison:
    better = [replace(arm, mss=0.9 * arm.mss) for arm in ARMS[:4]]
    new = FakeArm(name="new", mss=0.7, tv=12.0)
    return compare(make(seeds=3, name="before"), make([*better, new], seeds=4, name="after"))


def compare(*stores: Store) -> StudyComparison:
    return compare_studies(load_together(stores))


class Links(HTMLParser):
    """Attributes of a page that could load something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_loads_nothing_and_runs_nothing(comparison: StudyComparison) -> None:
    page = Links(render_comparison(comparison))
    assert all(link.startswith("data:") for link in page.found)
    assert "script" not in page.tags


def test_the_page_says_what_the_terminal_says(comparison: StudyComparison) -> None:
    page = re.sub(r"\s+", " ", render_comparison(comparison))
    (pair,) = comparison.pairs
    texts = sentences(pair, comparison)
    assert len(texts) == 3
    assert all(text in page for text in texts)
    assert texts[0] == (
        "From before to after: 1 arm added (new), 3 arms left out (spline-16, random-spline, constant) "
        "and 1 seed added (3)."
    )
    assert texts[1].startswith("4 arms of before and after match, 4 with the same config; of the 4 with shared seeds")
    assert "after has by audio.mss 4 better, 0 worse, 0 open and by interpretability.tv" in texts[1]
    assert texts[2].endswith("over 3 shared seeds; after is ahead.")
    assert caution(pair) == ""


def test_a_copy_of_a_study_is_told_to_be_one(make: Make) -> None:
    comparison = compare(make(name="a"), make(name="b"))
    texts = sentences(comparison.pairs[0], comparison)
    assert texts[0] == "The plans of a and b are the same."
    assert texts[2].endswith("these seeds cannot tell them apart.")


def test_names_are_text_in_the_page(make: Make) -> None:
    nasty = FakeArm(name="<script>alert('1')</script> $x$", mss=0.8, tv=4.0)
    stores = [make([nasty], name=name, question="<b>Why & how?</b>") for name in ("a", "b")]
    page = render_comparison(compare(*stores))
    assert "<script" not in page
    assert "&lt;b&gt;Why &amp; how?&lt;/b&gt;" in page


def test_figures_of_two_studies_have_a_panel_of_attainment(comparison: StudyComparison, make: Make) -> None:
    height, width, _ = imread(io.BytesIO(comparison_figure(comparison, "png"))).shape
    three = compare(make(name="a"), make(ARMS[:3], name="b"), make(ARMS[1:], name="c"))
    height_of_three, width_of_three, _ = imread(io.BytesIO(comparison_figure(three, "png"))).shape
    assert (height, height_of_three) == (816, 816)
    assert width > width_of_three
    assert comparison_figure(comparison, "svg").startswith(b"<?xml")


def test_studies_without_results_or_common_objectives_have_a_page_too(make: Make) -> None:
    nothing = make([replace(arm, outcomes={0: None, 1: None}) for arm in ARMS], name="nothing")
    other = make(objectives=OBJECTIVES[1:], name="other")
    for comparison in (compare(nothing, other), compare(nothing, make(name="full"))):
        page = render_comparison(comparison)
        assert "The fronts cannot be compared" in page
        assert comparison_figure(comparison, "png")
