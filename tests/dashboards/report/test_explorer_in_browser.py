"""The curve explorer in a real browser: choosing clips and arms, and playing sounds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.storage.store import Store
from dashboards.report.keys import PAGE_KEY
from dashboards.report.page import write_report
from tests.dashboards.report.html_page import HtmlPage
from tests.support.browser import Page
from tests.support.fake_study import ARMS, MODULATIONS, FakeArm, fake_study

pytestmark = pytest.mark.browser
EVIL = "<img src=x onerror=console.error(1)> & \"quoted\" 'arm'"
SILENT_CLIP = "test/2"
# Lists the sounds that were started, the gains, and the times at which the state of the player changed.
WATCH = """
    window.started = []; window.gains = []; window.changes = [];
    window.AudioBufferSourceNode = class extends AudioBufferSourceNode {
      start(...given) { window.started.push(this); super.start(...given); }
    };
    window.GainNode = class extends GainNode {
      constructor(...given) { super(...given); window.gains.push(this.gain); }
    };
    const bar = document.getElementById("explorer-player");
    new MutationObserver(() => window.changes.push([bar.dataset.state, performance.now() / 1000]))
      .observe(bar, { attributes: true, attributeFilter: ["data-state"] });
    document.documentElement.style.scrollBehavior = "auto";
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A study with two clips with sound and one without, and an arm with a name full of markup."""
    arms = [*ARMS, FakeArm(name=EVIL, mss=1.3, tv=7.0)]
    store = fake_study(tmp_path_factory.mktemp("explorer") / "quickstart", arms, seeds=1, n_clips=3)
    for trial in store.plan().trials:
        attempt = store.committed(trial.digest)
        assert attempt is not None
        for role in ("target", "estimate"):
            attempt.drop(f"audio/test_2.{role}.flac")
    write_report(store)
    return store


@pytest.fixture
def page(store: Store, browser: Page) -> Iterator[Page]:
    """The page, opened afresh; fails on any message to the console and on any request to elsewhere."""
    browser.open("about:blank")
    browser.messages()
    browser.requests()
    url = Path(store.root, PAGE_KEY).as_uri()
    browser.open(url)
    browser.run(WATCH)
    yield browser
    assert browser.messages() == []
    assert set(browser.requests()) <= {url}


def content(store: Store) -> Any:
    return HtmlPage(store.get(PAGE_KEY).decode()).explorer


def player(page: Page) -> dict[str, str]:
    state: dict[str, str] = page.run("return { ...document.getElementById('explorer-player').dataset }")
    return state


def position_s(page: Page) -> float:
    return float(page.run("return document.getElementById('explorer-position').value"))


def click(page: Page, selector: str) -> None:
    page.run("document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })", selector)
    page.click(selector)


def press(page: Page, key: str) -> None:
    code = {"ArrowRight": 39, " ": 32}.get(key, ord(key[0].upper()))
    text = {} if len(key) > 1 else {"text": key}
    page.command("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
    page.command("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)


def wait_until_playing(page: Page) -> None:
    page.wait_for(
        "return document.getElementById('explorer-player').dataset.state === 'playing'"
        "  && document.getElementById('explorer-position').value > 0",
        "the player plays",
    )


def shown_arms(page: Page) -> list[str]:
    names: list[str] = page.run(
        "return [...document.querySelectorAll('#explorer-arms [aria-pressed=true]')].map((each) => each.textContent)"
    )
    return names


def test_a_sound_plays_to_its_end_and_stops(page: Page) -> None:
    assert player(page) == {"state": "stopped", "heard": "target"}
    click(page, "#explorer-play")
    wait_until_playing(page)
    page.wait_for("return document.getElementById('explorer-player').dataset.state === 'stopped'", "the sound ends")
    (first, started), (last, ended) = page.run("return [window.changes[0], window.changes.at(-1)]")
    assert (first, last) == ("playing", "stopped")
    assert ended - started >= 1.0
    assert page.run("return document.getElementById('explorer-time').textContent") == "0.00 / 1.00 s"


def test_starting_a_sound_ends_the_other_one(page: Page) -> None:
    click(page, "#explorer-loop")
    click(page, "[data-plays=target]")
    wait_until_playing(page)
    click(page, "[data-plays=spline-8]")
    wait_until_playing(page)
    assert player(page) == {"state": "playing", "heard": "spline-8"}
    labels = page.run("return [...document.querySelectorAll('.sound .playing')].map((each) => each.ariaLabel)")
    assert labels == ["Pause the estimate of spline-8"]
    assert page.run("return window.gains.slice(-2).map((gain) => gain.value > 0)") == [False, True]
    click(page, "[data-plays=spline-8]")
    assert player(page)["state"] == "paused"


def test_one_key_switches_between_target_and_estimate_at_the_same_position(page: Page) -> None:
    click(page, "#explorer-loop")
    click(page, "#explorer-play")
    wait_until_playing(page)
    n_started = page.run("return window.started.length")
    for heard, gains in (("frame", [False, True]), ("target", [True, False])):
        press(page, "x")
        assert player(page) == {"state": "playing", "heard": heard}
        page.wait_for(
            f"return JSON.stringify(window.gains.slice(-2).map((gain) => gain.value > 0.01)) === '{gains}'"
            ".replaceAll('True', 'true').replaceAll('False', 'false').replaceAll(' ', '')",
            f"{heard} is heard",
        )
    assert page.run("return window.started.length") == n_started, "both sounds run on; nothing starts again"
    assert page.run("return document.getElementById('explorer-status').textContent") == "target"


def test_the_key_is_left_alone_while_writing_and_elsewhere(page: Page) -> None:
    page.run("document.querySelector('#front, #arms').tabIndex = -1; document.querySelector('#front, #arms').focus()")
    press(page, "x")
    assert player(page)["heard"] == "target"
    page.run("document.getElementById('explorer-clip').focus()")
    press(page, "x")
    assert player(page)["heard"] == "target"
    page.run("document.getElementById('explorer-play').focus()")
    press(page, "x")
    assert player(page) == {"state": "stopped", "heard": "frame"}


def test_a_looped_sound_goes_on_after_its_end(page: Page) -> None:
    click(page, "#explorer-loop")
    click(page, "#explorer-play")
    wait_until_playing(page)
    page.run("window.loopStart = performance.now()")
    page.wait_for("return performance.now() - window.loopStart > 2300", "two durations")
    assert player(page)["state"] == "playing"
    assert 0 <= position_s(page) <= 1
    click(page, "#explorer-loop")
    page.wait_for("return document.getElementById('explorer-player').dataset.state === 'stopped'", "the sound ends")


def test_levels_are_matched_unless_the_reader_wants_them_as_rendered(page: Page, store: Store) -> None:
    clip = content(store)["clips"][0]
    click(page, "#explorer-loop")
    click(page, "#explorer-play")
    wait_until_playing(page)
    assert page.run("return window.gains[0].value") == pytest.approx(clip["target"]["gain"], rel=1e-3)
    click(page, "#explorer-match")
    page.wait_for("return Math.abs(window.gains[0].value - 1) < 0.01", "the level as it was rendered")


def test_the_keyboard_plays_and_seeks(page: Page) -> None:
    page.run("document.getElementById('explorer-play').focus()")
    press(page, " ")
    wait_until_playing(page)
    press(page, " ")
    page.wait_for("return document.getElementById('explorer-player').dataset.state !== 'playing'", "it is paused")
    page.run(
        "const bar = document.getElementById('explorer-position');"
        "bar.focus(); bar.value = 0.4; bar.dispatchEvent(new Event('input'))"
    )
    press(page, "ArrowRight")
    assert position_s(page) == pytest.approx(0.401)


def test_clips_are_chosen_by_rank_and_by_name(page: Page, store: Store) -> None:
    ranking = content(store)["rankings"]["curves.l1.lls3"]
    page.choose("#explorer-metric", "curves.l1.lls3")
    for over in ("", "random-spline"):
        page.choose("#explorer-over", over)
        for rank in ("best", "worst"):
            click(page, f"[data-rank={rank}]")
            facts = page.run("return document.getElementById('explorer-facts').textContent")
            assert facts.startswith(ranking[over][rank])
            assert f"{rank}" in facts
            assert page.run("return document.getElementById('explorer-clip').value") == ranking[over][rank]
    page.choose("#explorer-clip", "test/1")
    assert page.run("return document.getElementById('explorer-facts').textContent").startswith("test/1 · 220 Hz · 1 s")


def test_a_clip_without_stored_sound_shows_curves_and_says_so(page: Page) -> None:
    page.choose("#explorer-clip", SILENT_CLIP)
    assert page.run("return document.getElementById('explorer-sounds').hidden")
    assert "No sound of this clip is stored" in page.run(
        "return document.getElementById('explorer-silent').textContent"
    )
    assert page.run("return document.querySelectorAll('#explorer-curves path.estimate').length") == 2 * len(MODULATIONS)


def test_any_arms_are_laid_over_the_truth(page: Page) -> None:
    assert shown_arms(page) == ["frame", "spline-8"]
    click(page, "[data-show=lpf-4]")
    click(page, "[data-show=frame]")
    assert shown_arms(page) == ["lpf-4", "spline-8"]
    for modulation in MODULATIONS:
        plot = f"figure[data-modulation={modulation}]"
        assert page.run(f"return document.querySelectorAll('{plot} path.truth').length") == 1
        assert page.run(f"return document.querySelectorAll('{plot} path.estimate').length") == 2
    rows = page.run(
        "return [...document.querySelectorAll('#explorer-spectrograms .sound')].map((e) => e.dataset.sound)"
    )
    assert set(rows) == {"target", "lpf-4", "spline-8"}


def test_a_name_full_of_markup_is_text(page: Page) -> None:
    buttons = page.run("return [...document.querySelectorAll('#explorer-arms button')].map((each) => each.textContent)")
    assert buttons[-1] == EVIL
    page.run("[...document.querySelectorAll('#explorer-arms button')].at(-1).click()")
    assert EVIL in shown_arms(page)
    assert page.run("return document.querySelectorAll('#listen img').length") == 0
    assert EVIL in page.run("return document.getElementById('explorer-curves').textContent")


def test_each_kind_of_curve_is_drawn_with_its_correlation(page: Page, store: Store) -> None:
    views = content(store)["clips"][0]["arms"]["frame"]["modulations"]["add"]
    drawn = []
    for kind in ("raw", "lls1", "lls3"):
        click(page, f"[data-kind={kind}]")
        figure = "figure[data-modulation=add]"
        drawn.append(page.run(f"return document.querySelector('{figure} path.estimate').getAttribute('d')"))
        cell = page.run(f"return document.querySelector('{figure} tr[data-label=frame]').cells[2].textContent")
        assert cell == f"{views[kind]['r']:.2f}"
    assert len(set(drawn)) == 3


def test_rates_are_in_words_and_the_cursor_reads_values(page: Page) -> None:
    page.choose("#explorer-clip", "test/1")
    rates = page.run(
        "return [...document.querySelectorAll('#explorer-curves tr[data-label=truth]')]"
        ".map((row) => row.cells[1].textContent)"
    )
    assert rates[0].endswith(" Hz")
    assert rates[2] == "no clear rate"
    page.run("document.querySelector('figure[data-modulation=add] svg').focus()")
    press(page, "ArrowRight")
    values = page.run(
        "return [...document.querySelectorAll('#explorer-curves tr[data-label=truth]')]"
        ".map((row) => Number(row.cells[3].textContent))"
    )
    # At 0.51 s the truth is 0.5 + 0.4 sin(2 pi 2 t), a triangle, and exp(-3 t).
    assert values == pytest.approx([0.55, 0.73, 0.22], abs=0.06)


def test_spectrograms_and_differences_are_painted(page: Page) -> None:
    page.wait_for(
        "return [...document.querySelectorAll('#explorer-spectrograms canvas')].filter((each) => each.height === 128)"
        ".length === 5",
        "three spectrograms and two differences",
    )
    colours = page.run("""
        return [...document.querySelectorAll("#explorer-spectrograms canvas")].map((canvas) => {
          const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          const colour = (i) => pixels.slice(4 * i, 4 * i + 3).join();
          return new Set(Array.from({ length: pixels.length / 4 }, (_, i) => colour(i))).size;
        });""")
    assert min(colours) > 10


@pytest.mark.parametrize("width", [1400, 768, 390])
def test_no_width_makes_the_page_scroll_sideways(page: Page, width: int) -> None:
    page.resize(width, 900, mobile=width < 700)
    try:
        page.wait_for(f"return document.documentElement.clientWidth === {width}", "the new width")
        assert page.run("return document.getElementById('explorer').scrollWidth") <= width
    finally:
        page.command("Emulation.clearDeviceMetricsOverride")
