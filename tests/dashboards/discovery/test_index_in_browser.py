"""The page of several sounds in a real browser: playing the files beside it, and sorting."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from dashboards.discovery.index_page import ProblemSound, discovery_index, index_entry
from tests.dashboards.discovery.pages import EVIL, SENTENCE, WORDS
from tests.support.browser import Page
from tests.support.discovered import discovered_sound

pytestmark = pytest.mark.browser
FOLDERS = ("a #1 %41", "b")
# Makes the page's player known to the tests.
WATCH = """
    window.played = null;
    const play = HTMLMediaElement.prototype.play;
    HTMLMediaElement.prototype.play = function () { window.played = this; return play.call(this); };
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An index of two sounds with their files and of one whose files are missing."""
    root, sound, entries = tmp_path_factory.mktemp("index"), discovered_sound(), []
    for folder, name, mss in (*zip(FOLDERS, ("Night", EVIL), (0.3, 1.5), strict=True), ("gone", "Gone", 0.8)):
        if folder != "gone":
            (root / folder).mkdir()
            soundfile.write(root / folder / "target.wav", sound.target, 16_000)
            soundfile.write(root / folder / "estimate.wav", sound.estimate.clip(-1, 1), 16_000)
        entries.append(
            index_entry(
                replace(sound, name=name, mss=mss), sentence=SENTENCE, words=WORDS, page=f"{folder}/index.html",
                target=f"{folder}/target.wav", estimate=f"{folder}/estimate.wav",
            )
        )  # fmt: skip
    (root / "index.html").write_text(
        discovery_index(entries, [ProblemSound(name="kick", reason=EVIL)]), encoding="utf-8"
    )
    return (root / "index.html").as_uri()


@pytest.fixture
def page(url: str, browser: Page) -> Iterator[Page]:
    browser.open("about:blank")
    browser.messages()
    browser.requests()
    browser.open(url)
    browser.run(WATCH)
    yield browser
    folder = url.removesuffix("index.html")
    assert all(each.startswith(folder) for each in browser.requests())


def listen(page: Page, row: int, column: int) -> None:
    page.click(f"tbody tr:nth-child({row}) .listen-to:nth-child({column})")


def playing(page: Page) -> list[str]:
    labels: list[str] = page.run("return [...document.querySelectorAll('.playing')].map((each) => each.ariaLabel)")
    return labels


def test_a_sound_beside_the_page_plays_and_pauses(page: Page) -> None:
    listen(page, 1, 1)
    page.wait_for("return window.played?.currentTime > 0.1", "it plays")
    assert playing(page) == ["Pause the target of Night"]
    listen(page, 1, 1)
    page.wait_for("return window.played.paused", "it is paused")
    page.wait_for("return !document.querySelector('.playing')", "the button says so")
    assert page.messages() == []


def test_the_estimate_goes_on_where_the_target_was(page: Page) -> None:
    listen(page, 1, 1)
    page.wait_for("return window.played?.currentTime > 0.5", "it plays")
    page.run("window.played.loop = false")
    listen(page, 1, 2)
    page.wait_for("return window.played.currentSrc.endsWith('estimate.wav') && !window.played.paused", "it plays")
    assert page.run("return window.played.currentTime") >= 0.5
    assert playing(page) == ["Pause the estimate of Night"]
    listen(page, 2, 1)
    page.wait_for("return decodeURI(window.played.currentSrc).endsWith('b/target.wav')", "the other sound plays")
    assert page.run("return window.played.currentTime") < 0.5
    assert len(playing(page)) == 1
    assert page.messages() == []


def test_a_missing_file_is_said_on_its_button(page: Page) -> None:
    listen(page, 3, 1)
    page.wait_for("return document.querySelector('.listen-to.broken')", "the button says so")
    assert "cannot play it" in page.run("return document.querySelector('.listen-to.broken').title")


def test_the_keyboard_plays(page: Page) -> None:
    page.run("document.querySelector('.listen-to').focus()")
    page.press("space")
    page.wait_for("return window.played?.currentTime > 0", "it plays")


def test_sounds_are_sorted_by_distance(page: Page) -> None:
    def names() -> list[str]:
        found: list[str] = page.run(
            "return [...document.querySelectorAll('tbody .name')].map((each) => each.textContent)"
        )
        return [name[:4] for name in found]

    assert names() == ["Nigh", EVIL[:4], "Gone"]
    page.click("thead th:nth-child(3)")
    assert names() == ["Nigh", "Gone", EVIL[:4]]
    assert page.run("return document.querySelectorAll('main img').length") == 0


@pytest.mark.parametrize("width", [320, 400, 760, 1280])
def test_nothing_is_cut_off_at_any_width(page: Page, width: int) -> None:
    page.resize(width, 900, mobile=width < 500)
    assert page.run("return document.documentElement.scrollWidth - innerWidth") <= 0
    page.resize(1280, 1000)


def test_without_scripts_the_sounds_are_links(url: str, browser: Page, tmp_path: Path) -> None:
    html = Path(url.removeprefix("file://")).read_text(encoding="utf-8")
    (tmp_path / "index.html").write_text(html.partition("<script>")[0], encoding="utf-8")
    browser.open((tmp_path / "index.html").as_uri())
    hrefs = browser.run("return [...document.querySelectorAll('.listen-to')].map((each) => each.getAttribute('href'))")
    assert hrefs[0] == "./a%20%231%20%2541/target.wav"
