"""Sections in a real browser: lines pin arms, terms are explained, and large studies are drawn."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.storage.store import Store
from dashboards.report.keys import PAGE_KEY
from dashboards.report.page import write_report
from tests.support.browser import Page
from tests.support.fake_study import ARMS
from tests.support.large_study import large_study

pytestmark = pytest.mark.browser
PINNED_ROWS = "return document.querySelectorAll('#comparisons tr:has(.pinned)').length"


@pytest.fixture
def page(browser: Page, written: Store) -> Iterator[Page]:
    """The report of a study; fails on a message to the console."""
    browser.resize(1400, 1000)
    browser.open("about:blank")
    browser.open(Path(written.root, PAGE_KEY).as_uri())
    yield browser
    assert browser.messages() == []


def test_a_line_of_the_settings_pins_its_arm_in_all_sections(page: Page) -> None:
    assert page.run(PINNED_ROWS) == 0
    trained = [arm.name for arm in ARMS if not arm.is_baseline]
    assert sorted(page.run("return [...document.querySelectorAll('.arm-line')].map((l) => l.dataset.arm)")) == sorted(
        trained
    )
    page.run(
        "const line = document.querySelector('.arm-line[data-arm=\"lpf-8\"]');"
        "line.dispatchEvent(new MouseEvent('click', { bubbles: true }));"
    )
    assert page.run("return location.hash") == "#pin=lpf-8"
    assert page.run(PINNED_ROWS) > 0
    assert page.run("return document.querySelectorAll('.arm-line.faint').length") == len(trained) - 1
    widths = page.run(
        "return document.getElementById('learning-plot').data.filter((t) => t.showlegend !== false)"
        ".map((t) => [t.name, t.line.width])"
    )
    assert [name for name, width in widths if width > 2] == ["lpf-8"]


def test_a_term_is_explained_at_the_keyboards_focus(page: Page) -> None:
    tip = "return document.getElementById('term-tip')"
    assert page.run(f"{tip}.hidden")
    page.run("document.querySelector('#comparisons .term').focus()")
    assert not page.run(f"{tip}.hidden")
    assert "compared within each seed" in page.run(f"{tip}.textContent")
    page.run("document.activeElement.blur()")
    assert page.run(f"{tip}.hidden")


def test_intervals_lie_inside_their_column(page: Page) -> None:
    assert page.run(
        "return [...document.querySelectorAll('td.forest-plot > div')].every((plot) => {"
        "const box = plot.getBoundingClientRect();"
        "return [...plot.querySelectorAll('.interval')].every((line) => {"
        "const at = line.getBoundingClientRect(); return at.left >= box.left - 1 && at.right <= box.right + 1; }); })"
    )


@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_of_a_study_with_many_arms_is_drawn(browser: Page, tmp_path: Path, width: int) -> None:
    store = large_study(tmp_path / "large", n_arms=90, seeds=2, n_clips=8, n_with_sounds=0)
    write_report(store)
    browser.resize(width, 900, mobile=width < 600)
    browser.open(Path(store.root, PAGE_KEY).as_uri())
    assert browser.run("return document.querySelectorAll('.arm-line').length") == 90
    assert "of 90 arms" in browser.run("return document.getElementById('learning-text').textContent")
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    assert browser.messages() == []
