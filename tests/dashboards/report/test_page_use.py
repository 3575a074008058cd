"""The page in a reader's hands: pointer, keyboard, address, themes, phone and print, in headless Chromium."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.settings.parameterizations import LowPassConfig, SplineConfig
from core.storage.store import Store
from dashboards.analysis.study_results import load_results
from dashboards.report.keys import PAGE_KEY
from dashboards.report.page import write_report
from tests.support.browser import Page
from tests.support.fake_study import ARMS, FRONT, FakeArm, MakeStudy

pytestmark = pytest.mark.browser
# Place of an arm's mark in the window.
MARK = """
const plot = document.getElementById('front-plot'), { xaxis, yaxis } = plot._fullLayout;
plot.scrollIntoView({ block: 'center', behavior: 'instant' });
const frame = plot.getBoundingClientRect();
const marks = plot.data.find((trace) => !trace.xaxis && trace.customdata && trace.mode.includes('text'));
const index = marks.customdata.findIndex(([name]) => name === arguments[0]);
return [frame.left + xaxis._offset + xaxis.d2p(marks.x[index]), frame.top + yaxis._offset + yaxis.d2p(marks.y[index])];
"""
ROWS = "return [...document.querySelectorAll('#arms-table tbody tr')].map((row) => row.cells[0].textContent)"
IS_WIDER = "return document.documentElement.scrollWidth > innerWidth"
BACKGROUND = "return getComputedStyle(document.body).backgroundColor"
WHITE = "rgb(255, 255, 255)"


@pytest.fixture
def page(browser: Page, written: Store) -> Iterator[Page]:
    """The report of a study; fails on a message to the console and on a request for another file."""
    browser.resize(1400, 1000)
    browser.prefer("light")
    browser.requests()
    open_report(browser, written)
    yield browser
    assert browser.messages() == []
    assert set(browser.requests()) == {address_of(written)}


def address_of(store: Store) -> str:
    return Path(store.root, PAGE_KEY).as_uri()


def open_report(page: Page, store: Store, fragment: str = "") -> None:
    page.open("about:blank")
    page.open(address_of(store) + fragment)


def fragment(page: Page) -> str:
    found: str = page.run("return decodeURIComponent(location.hash)")
    return found


def column(page: Page, number: int) -> list[str]:
    cells: list[str] = page.run(
        "return [...document.querySelectorAll(`#arms-table tbody td:nth-child(${arguments[0]})`)]"
        ".map((cell) => cell.textContent)",
        number,
    )
    return cells


def test_a_click_on_a_mark_pins_its_arm_everywhere(page: Page) -> None:
    page.point(*page.run(MARK, "lpf-8"), click=True)
    page.wait_for("return document.querySelectorAll('.pinned-arm').length === 1", "the card of the pinned arm")
    assert fragment(page) == "#pin=lpf-8"
    assert page.run("return document.querySelector('.pinned-arm h3').textContent").startswith("lpf-8")
    assert "modstudy train lpf-8.toml --set seed=0" in page.run(
        "return document.querySelector('.pinned-arm').textContent"
    )
    for section in ("front", "arms", "listen", "run"):
        assert page.run(f"return [...document.querySelectorAll('#{section} .pinned')].length") > 0, section
    page.reload()
    assert page.run("return document.querySelectorAll('.pinned-arm').length") == 1
    page.point(*page.run(MARK, "lpf-8"), click=True)
    page.wait_for("return document.querySelectorAll('.pinned').length === 0", "no pinned arm")
    assert fragment(page) in ("", "#")


def test_the_pointer_shows_the_curves_of_an_arm(page: Page) -> None:
    page.point(*page.run(MARK, "spline-8"))
    page.wait_for("return !document.getElementById('front-card').hidden", "the card at the pointer")
    text = page.run("return document.getElementById('front-card').textContent")
    assert text.startswith("spline-8")
    assert "test/0, its best by audio.mss" in text
    for line in ("estimate", "truth"):
        assert page.run(f"return document.querySelectorAll('#front-card path.{line}').length") == 3
    page.point(20, 20)
    page.wait_for("return document.getElementById('front-card').hidden", "no card")


def test_axes_and_scales_stay_in_the_address(page: Page) -> None:
    page.choose("#x", "curves.l1")
    page.choose("#y", "audio.log_mel")
    page.click("[name=ylog]")
    assert fragment(page) == "#x=curves.l1&y=audio.log_mel&yscale=log"
    page.reload()
    assert page.run("return [x.value, y.value]") == ["curves.l1", "audio.log_mel"]
    axes = page.run(
        "const { xaxis, yaxis } = document.getElementById('front-plot')._fullLayout;"
        "return [xaxis, yaxis].map((axis) => [axis.type, axis.title.text])"
    )
    assert [kind for kind, _ in axes] == ["linear", "log"]
    assert axes[0][1].startswith("curves.l1")
    assert axes[1][1].startswith("audio.log_mel")


def test_the_true_curves_value_is_a_line_on_its_axis(page: Page, written: Store) -> None:
    truth = load_results(written).truth["interpretability.tv"]
    shapes = page.run("return document.getElementById('front-plot').layout.shapes.filter((s) => s.type === 'line')")
    assert [shape["y0"] for shape in shapes] == pytest.approx([truth])
    text = page.run("return document.getElementById('front-text').textContent")
    assert "The true curves have interpretability.tv" in text


def test_a_family_can_be_hidden(page: Page) -> None:
    shown = "return [...document.querySelectorAll('#front-arms button')].map((button) => button.dataset.arm)"
    assert "random-spline" in page.run(shown)
    page.click("#front-families button[data-family=baselines]")
    assert "random-spline" not in page.run(shown)
    assert fragment(page) == "#hide=baselines"


def test_a_heading_sorts_the_arms_and_keeps_its_goal(page: Page) -> None:
    heading = "#arms-table th:nth-child(4)"
    for order, down in (("ascending", False), ("descending", True)):
        page.click(f"{heading} button")
        assert page.run(f"return document.querySelector('{heading}').getAttribute('aria-sort')") == order
        means = [float(cell.split()[0]) for cell in column(page, 4)]
        assert means == sorted(means, reverse=down)
        assert page.run(f"return document.querySelector('{heading} .goal').textContent") == "min"
    assert "smaller is better" in page.run(f"return document.querySelector('{heading}').title")
    assert fragment(page) == "#sort=-audio.mss"
    page.reload()
    assert [float(cell.split()[0]) for cell in column(page, 4)] == means
    page.click("#arms-table th:nth-child(5) button")
    assert column(page, 5)[-1].startswith("–"), "an arm without a value is last"


def test_arms_are_filtered_by_text_status_and_pin(page: Page) -> None:
    page.type("#arms-text", "low_pass cutoff_hz = 8")
    assert page.run(ROWS) == ["lpf-8"]
    page.run("location.hash = ''")
    page.wait_for("return document.querySelectorAll('#arms-table tbody tr').length === 7", "all arms")
    page.choose("#arms-status", "● front")
    assert set(page.run(ROWS)) == FRONT
    page.click("#arms-table button[data-arm=frame]")
    page.click("#arms-pinned")
    assert page.run(ROWS) == ["frame"]


def test_all_metrics_can_be_columns(page: Page, written: Store) -> None:
    page.choose("#arms-columns", "all")
    heads = page.run("return [...document.querySelectorAll('#arms-table th')].map((head) => head.dataset.metric)")
    assert set(load_results(written).metrics) <= set(heads)


def test_the_system_chooses_the_theme_unless_the_reader_does(page: Page, written: Store) -> None:
    assert page.run(BACKGROUND) == WHITE
    page.prefer("dark")
    dark = page.run(BACKGROUND)
    assert dark == "rgb(20, 23, 26)"
    plots = "return [...document.querySelectorAll('.js-plotly-plot')].map((plot) => plot._fullLayout.paper_bgcolor)"
    page.wait_for(f"return (() => {{ {plots} }})().every((colour) => colour === '{dark}')", "plots in dark colours")
    assert len(page.run(plots)) == 2
    page.choose("#theme", "light")
    assert page.run(BACKGROUND) == WHITE
    assert fragment(page) == "#theme=light"
    page.reload()
    assert page.run(BACKGROUND) == WHITE
    assert set(page.run(plots)) == {WHITE}
    page.prefer("light")
    open_report(page, written, "#theme=dark")
    assert page.run(BACKGROUND) == dark


def test_a_phone_never_scrolls_the_page_sideways(page: Page) -> None:
    page.resize(390, 844, mobile=True)
    page.reload()
    assert not page.run(IS_WIDER)
    box = page.run(
        "const box = document.getElementById('arms-table'), cell = box.querySelector('tbody td');"
        "const before = cell.getBoundingClientRect().left; box.scrollLeft = 120;"
        "return [box.scrollWidth > box.clientWidth, box.scrollLeft, cell.getBoundingClientRect().left - before]"
    )
    assert box == [True, 120, 0]
    page.run("document.querySelector('#front-arms button').click()")
    assert not page.run(IS_WIDER)


def test_print_is_light_without_controls(page: Page) -> None:
    page.prefer("dark")
    assert page.pdf().startswith(b"%PDF")
    page.command("Emulation.setEmulatedMedia", media="print")
    page.wait_for(f"return (() => {{ {BACKGROUND} }})() === '{WHITE}'", "a white page")
    hidden = "nav, #front-controls, #arms-controls, .skip"
    assert page.run(
        "const isHidden = (each) => getComputedStyle(each).display === 'none';"
        "return [...document.querySelectorAll(arguments[0])].every(isHidden)",
        hidden,
    )
    page.wait_for(
        f"return document.getElementById('front-plot')._fullLayout.paper_bgcolor === '{WHITE}'", "a white plot"
    )


def test_everything_is_reached_by_the_keyboard(page: Page) -> None:
    page.press("tab")
    assert page.run("return document.activeElement.textContent") == "Skip to the content"
    page.press("enter")
    assert page.run("return document.activeElement.id") == "content"
    page.run("document.querySelector('#front-arms button[data-arm=frame]').focus()")
    page.press("tab")
    assert page.run("return document.activeElement.dataset.arm") == "lpf-8"
    assert page.run("return !document.getElementById('front-card').hidden"), "its card is shown"
    outline = page.run("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.press("enter")
    assert fragment(page) == "#pin=lpf-8"
    assert page.run("return document.activeElement.dataset.arm") == "lpf-8"
    assert page.run("return document.activeElement.getAttribute('aria-pressed')") == "true"
    page.run("document.querySelector('#arms-table th:nth-child(4) button').focus()")
    page.press("enter")
    assert page.run("return document.activeElement.closest('th').getAttribute('aria-sort')") == "ascending"


def test_a_link_of_the_navigation_keeps_the_rest_of_the_address(page: Page) -> None:
    page.choose("#x", "curves.l1")
    page.click("nav a[href='#arms']")
    assert fragment(page) == "#x=curves.l1&section=arms"
    page.wait_for("return Math.abs(document.getElementById('arms').getBoundingClientRect().top) < 120", "the arms")
    page.reload()
    page.wait_for("return Math.abs(document.getElementById('arms').getBoundingClientRect().top) < 120", "the arms")


def test_controls_and_pictures_have_names(page: Page) -> None:
    nameless: list[Any] = page.run(
        """
        const text = (each) => each.getAttribute('aria-label') || each.getAttribute('alt') || each.textContent.trim();
        const named = (each) => text(each) || each.closest('label');
        const controls = 'main :is(button, select, input, img, [role=img]), nav :is(a, select)';
        return [...document.querySelectorAll(controls)].filter((each) => !named(each)).map((each) => each.outerHTML);
        """
    )
    assert nameless == []
    assert page.run("return document.querySelectorAll('main section[aria-labelledby]').length") == page.run(
        "return document.querySelectorAll('main section').length"
    )


def test_a_study_of_many_arms_is_drawn_in_pages(browser: Page, make_study: MakeStudy) -> None:
    many = [
        FakeArm(name=f"spline-{i}", mss=0.6 + 0.002 * i, tv=9 - 0.01 * i, parameterization=SplineConfig(n_segments=i))
        for i in range(1, 91)
    ]
    dominated = [
        FakeArm(name=f"lpf-{i}", mss=2 + 0.01 * i, tv=20.0, parameterization=LowPassConfig(cutoff_hz=i / 4))
        for i in range(1, 61)
    ]
    store = make_study([*dominated, *many], seeds=2, n_clips=0)
    write_report(store)
    browser.resize(1400, 1000)
    browser.messages()
    open_report(browser, store)
    assert len(browser.run(ROWS)) == 50
    assert browser.run("return document.querySelector('#arms-pages').textContent").endswith("1 to 50 of 150 arms")
    assert len(browser.run("return document.getElementById('front-plot').data")) < 250
    browser.click("#arms-pages button:nth-child(2)")
    assert browser.run(ROWS)[0] == "lpf-51"
    browser.type("#arms-text", "spline-77")
    assert browser.run(ROWS) == ["spline-77"]
    assert browser.messages() == []


def test_long_and_strange_names_fit_and_stay_text(browser: Page, make_study: MakeStudy) -> None:
    names = ["a" * 100, "<img src=x onerror=console.log(1)> \"quoted\" 'arm' $x^2$", "🎛️ knob & co"]
    arms = [FakeArm(name=name, mss=0.5 + i / 10, tv=2.0 - i / 10) for i, name in enumerate(names)]
    store = make_study([*arms, *ARMS], n_clips=1)
    write_report(store)
    browser.resize(390, 844, mobile=True)
    browser.messages()
    open_report(browser, store)
    for name in names:
        browser.run(
            "[...document.querySelectorAll('#front-arms button')].find((b) => b.dataset.arm === arguments[0]).click()",
            name,
        )
    cards = "return [...document.querySelectorAll('.pinned-arm')].map((card) => card.getAttribute('aria-label'))"
    assert browser.run(cards) == names
    assert browser.run(ROWS)[:3] == names
    browser.reload()
    assert browser.run("return document.querySelectorAll('.pinned-arm').length") == 3
    assert browser.run("return document.querySelectorAll('img[src=x]').length") == 0
    assert not browser.run(IS_WIDER)
    assert browser.messages() == []
