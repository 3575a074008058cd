"""The page of a discovered sound in a real browser: playing, switching, solo and mute, keys, pointer."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.dashboards.discovery.pages import EVIL, DiscoveryHtml, page_html
from tests.support.browser import Page
from tests.support.discovered import discovered_sound

pytestmark = pytest.mark.browser
DURATION_S = 2.0
# Lists the sounds that were started, in the order of their start, and their gains.
WATCH = """
    window.started = []; window.gains = [];
    window.AudioBufferSourceNode = class extends AudioBufferSourceNode {
      start(when, offset) { window.started.push({ when, offset, node: this }); super.start(when, offset); }
      connect(to) { if (to instanceof GainNode) window.gains.push(to.gain); return super.connect(to); }
    };
    document.documentElement.style.scrollBehavior = "auto";
"""
KEY_CODES = {" ": ("Space", 32), **{letter: (f"Key{letter.upper()}", ord(letter.upper())) for letter in "abx"}}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page_html(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(url: str, browser: Page) -> Iterator[Page]:
    """The page, opened afresh; fails on any message to the console and on any request to elsewhere."""
    browser.open("about:blank")
    browser.messages()
    browser.requests()
    browser.open(url)
    browser.run(WATCH)
    yield browser
    assert browser.messages() == []
    assert set(browser.requests()) <= {url}


def press(page: Page, key: str, *, shift: bool = False) -> None:
    code, number = KEY_CODES.get(key, (f"Digit{key}", ord(key)))
    event = {
        "key": "!" if shift else key,
        "code": code,
        "windowsVirtualKeyCode": number,
        "modifiers": 8 if shift else 0,
    }
    page.command("Input.dispatchKeyEvent", type="keyDown", **event)
    page.command("Input.dispatchKeyEvent", type="keyUp", **event)


def player(page: Page) -> dict[str, str]:
    state: dict[str, str] = page.run("return { ...document.getElementById('player').dataset }")
    return state


def position_s(page: Page) -> float:
    return float(page.run("return document.getElementById('position').value"))


def play(page: Page) -> None:
    """Play, and wait until all eight sounds run."""
    page.click("#play")
    page.wait_for("return window.started.length === 8", "all sounds run")
    page.wait_for("return document.getElementById('position').value > 0", "the position moves")


def wait_until_heard_alone(page: Page, index: int) -> None:
    """Wait until the sound that was started as number `index` is the only one that is heard."""
    page.wait_for(
        f"return window.gains.every((gain, i) => i === {index} ? Math.abs(gain.value - 1) < 1e-3 : gain.value < 1e-3)",
        f"sound {index} is heard alone",
    )


def seen(page: Page) -> list[str]:
    keys: list[str] = page.run(
        "return [...document.querySelectorAll('[data-seen]:not([hidden])')].map((e) => e.dataset.seen)"
    )
    return keys


def resting(page: Page) -> list[str]:
    """Numbers of the tracks whose curves rest at their means."""
    indices: list[str] = page.run(
        "return [...document.querySelectorAll('.track.resting')].map((each) => each.dataset.track)"
    )
    return indices


def test_it_plays_in_a_loop_until_it_is_paused(page: Page) -> None:
    assert player(page) == {"state": "stopped", "heard": "target"}
    play(page)
    assert player(page) == {"state": "playing", "heard": "target"}
    page.run("window.began = performance.now()")
    page.wait_for(f"return performance.now() - window.began > {1100 * DURATION_S}", "the sound has begun again")
    assert player(page)["state"] == "playing"
    assert 0 < position_s(page) < DURATION_S
    page.click("#play")
    assert player(page)["state"] == "paused"
    at = position_s(page)
    assert page.run("return document.getElementById('time').textContent") == f"{at:.2f} / 2.00 s"


def test_without_the_loop_it_ends_at_its_end(page: Page) -> None:
    page.click("#loop")
    page.click("#play")
    page.wait_for("return document.getElementById('player').dataset.state === 'playing'", "it plays")
    page.wait_for("return document.getElementById('player').dataset.state === 'stopped'", "it ends")
    assert position_s(page) == 0


def test_a_loop_that_is_turned_off_ends_with_its_round(page: Page) -> None:
    play(page)
    page.click("#loop")
    page.wait_for("return document.getElementById('player').dataset.state === 'stopped'", "it ends")


def test_all_versions_run_from_the_same_moment_of_the_sound(page: Page) -> None:
    play(page)
    starts = page.run("return window.started.map(({ when, offset }) => when - offset)")
    assert starts == pytest.approx([starts[0]] * 8, abs=1e-9)


def test_switching_to_the_estimate_and_back_keeps_the_position(page: Page) -> None:
    play(page)
    wait_until_heard_alone(page, 0)
    before, clock = page.run("return [Number(document.getElementById('position').value), performance.now()]")
    for key, heard, index in (("estimate", "estimate", 1), ("target", "target", 0)):
        page.click(f".segments [data-hear={key}]")
        assert player(page) == {"state": "playing", "heard": heard}
        wait_until_heard_alone(page, index)
        assert seen(page) == [heard]
    after, later = page.run("return [Number(document.getElementById('position').value), performance.now()]")
    assert (after - before) % DURATION_S == pytest.approx((later - clock) / 1000 % DURATION_S, abs=0.08)
    assert page.run("return window.started.length") == 8, "nothing was started again"


def test_solo_and_mute_play_their_versions_and_let_curves_rest(page: Page) -> None:
    play(page)
    for selector, heard, index, still in (
        ("[data-hear=solo-1]", "solo-1", 4, ["0", "2"]),
        ("[data-hear=muted-2]", "muted-2", 7, ["2"]),
        ("[data-hear=solo-0]", "solo-0", 2, ["1", "2"]),
    ):
        page.click(selector)
        assert player(page) == {"state": "playing", "heard": heard}
        wait_until_heard_alone(page, index)
        assert (seen(page), resting(page)) == ([heard], still)
        pressed = page.run("return [...document.querySelectorAll('[aria-pressed=true]')].map((e) => e.dataset.hear)")
        assert pressed == ["estimate", heard]
    page.click("[data-hear=solo-0]")
    assert player(page)["heard"] == "estimate"
    assert resting(page) == []
    assert page.run("return window.started.length") == 8


def test_what_is_heard_is_said(page: Page) -> None:
    page.click("[data-hear=muted-2]")
    assert page.run("return document.getElementById('status').textContent") == "the estimate, env held still, paused"
    assert page.run("return document.getElementById('seen').textContent") == "the estimate, env held still"


def test_the_keyboard_plays_switches_and_chooses(page: Page) -> None:
    press(page, " ")
    page.wait_for("return window.started.length === 8", "it plays")
    for key, shift, heard in (
        ("b", False, "estimate"), ("a", False, "target"), ("2", False, "solo-1"), ("3", True, "muted-2"),
        ("x", False, "target"), ("x", False, "muted-2"), ("3", True, "estimate"), ("9", False, "estimate"),
    ):  # fmt: skip
        press(page, key, shift=shift)
        assert player(page) == {"state": "playing", "heard": heard}, key
    press(page, " ")
    assert player(page)["state"] == "paused"


def test_the_space_bar_plays_after_a_click_and_presses_a_button_that_was_tabbed_to(page: Page) -> None:
    page.click("[data-hear=solo-1]")
    press(page, " ")
    page.wait_for("return document.getElementById('player').dataset.state === 'playing'", "it plays")
    assert player(page)["heard"] == "solo-1"
    page.run("document.querySelector('[data-hear=solo-2]').focus()")
    page.press("space")
    assert player(page) == {"state": "playing", "heard": "solo-2"}


def test_keys_with_modifiers_are_the_browsers(page: Page) -> None:
    page.command("Input.dispatchKeyEvent", type="keyDown", key="b", code="KeyB", windowsVirtualKeyCode=66, modifiers=2)
    assert player(page)["heard"] == "target"


def test_levels_are_matched_unless_the_listener_wants_them_as_rendered(page: Page) -> None:
    gains = {each["key"]: each["rendered_gain"] for each in DiscoveryHtml(page_html()).data["sounds"]}
    page.click("[data-hear=muted-2]")
    play(page)
    # What is heard is started first.
    wait_until_heard_alone(page, 0)
    page.click("#match")
    page.wait_for(f"return Math.abs(window.gains[0].value - {gains['muted-2']}) < 1e-3", "the level as it was rendered")
    assert gains["muted-2"] != pytest.approx(1.0, abs=0.01)


def test_the_pointer_reads_the_curves(page: Page) -> None:
    box = page.run(
        "const { left, top, width, height } = document.querySelector('.track.sound .lane').getBoundingClientRect();"
        "return { left, top, width, height };"
    )
    page.point(box["left"] + 0.25 * box["width"], box["top"] + 0.5 * box["height"])
    sound = discovered_sound()
    expected = [float(np.interp(0.25, np.linspace(0, 1, len(c.values)), c.values)) for c in sound.curves]
    tip = page.run("return [...document.querySelectorAll('.tip b')].map((each) => each.textContent)")
    assert float(tip[0].removesuffix(" s")) == pytest.approx(0.5, abs=0.003)
    assert [float(text) for text in tip[1:]] == pytest.approx(expected, abs=0.02)
    values = page.run("return [...document.querySelectorAll('.lane .value')].map((each) => Number(each.textContent))")
    assert values == [float(text) for text in tip[1:]]
    page.point(5, 5)
    assert page.run("return document.querySelector('.tip').hidden")


def test_a_click_on_a_curve_seeks_and_playheads_are_at_the_position(page: Page) -> None:
    page.click("[data-track='1'] .lane")
    assert player(page)["state"] == "paused"
    assert position_s(page) == pytest.approx(1.0, abs=0.01)
    places = page.run("return [...document.querySelectorAll('.playhead')].map((each) => parseFloat(each.style.left))")
    assert places == pytest.approx([50.0] * 4, abs=0.5)
    page.click("#play")
    page.wait_for("return parseFloat(document.querySelector('.playhead').style.left) > 55", "playheads move")
    offset = page.run("return window.started[0].offset")
    assert offset == pytest.approx(1.0, abs=0.01)


def test_seeking_while_it_plays_goes_on_there(page: Page) -> None:
    play(page)
    page.run("const bar = document.getElementById('position'); bar.value = 1.5; bar.dispatchEvent(new Event('input'))")
    page.wait_for("return window.started.length === 16", "all sounds run again")
    assert page.run("return window.started[8].offset") == pytest.approx(1.5)
    assert player(page)["state"] == "playing"


def test_the_curves_over_the_spectrogram_can_be_hidden_and_one_stands_out(page: Page) -> None:
    page.run("document.querySelector('.track[data-track=\"2\"]').dispatchEvent(new PointerEvent('pointerenter'))")
    assert page.run("return document.querySelector('#curves-over .this').dataset.track") == "2"
    page.click("#overlay")
    assert page.run("return getComputedStyle(document.getElementById('curves-over')).visibility") == "hidden"


@pytest.mark.parametrize("width", [320, 400, 760, 1280, 1920])
def test_nothing_is_cut_off_at_any_width(page: Page, width: int) -> None:
    page.resize(width, 900, mobile=width < 500)
    assert page.run("return document.documentElement.scrollWidth - innerWidth") <= 0
    page.resize(1280, 1000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_curves_can_be_told_from_their_background(page: Page, scheme: str) -> None:
    page.prefer(scheme)
    contrasts = page.run("""
        const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
        const luminance = (colour) => {
          context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
          const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const contrast = (a, b) => {
          const [p, q] = [luminance(a), luminance(b)].sort((x, y) => x - y);
          return (q + 0.05) / (p + 0.05);
        };
        const paper = getComputedStyle(document.body).backgroundColor;
        const on = (selector, property, ground) => [...document.querySelectorAll(selector)]
          .map((each) => contrast(getComputedStyle(each)[property], ground));
        return { text: on('.lead, .what, .heard, .note, .hint, .facts-line', 'color', paper),
          marks: on('.track h2 > i, .effect .bar > i', 'backgroundColor', paper),
          curves: on('.lane .curve', 'stroke', getComputedStyle(document.querySelector('.lane')).backgroundColor) };
    """)
    page.prefer("light")
    assert min(contrasts["text"]) >= 4.5
    assert min(contrasts["marks"]) >= 3
    assert min(contrasts["curves"]) >= 4.5


def shown(page: Page, selector: str) -> bool:
    return bool(page.run("return document.querySelector(arguments[0]).checkVisibility()", selector))


def test_without_scripts_players_pictures_and_numbers_remain(browser: Page, tmp_path: Path) -> None:
    html, n_removed = re.subn(r'<script>"use strict";.*?</script>', "", page_html(), flags=re.DOTALL)
    assert n_removed == 1
    (tmp_path / "index.html").write_text(html, encoding="utf-8")
    browser.open((tmp_path / "index.html").as_uri())
    assert not any(shown(browser, selector) for selector in ("#player", ".buttons", "#keys", ".overlay"))
    assert all(
        shown(browser, selector) for selector in ("audio", "[data-seen=target]", ".lane .curve", "#numbers table")
    )
    browser.click("h1")  # sounds may play only on a page that was used
    browser.run("const sound = document.querySelector('audio[data-sound=estimate]'); sound.muted = true; sound.play()")
    browser.wait_for("return document.querySelector('audio[data-sound=estimate]').currentTime > 0.1", "it plays")
    assert browser.run("return document.querySelector('audio[data-sound=estimate]').duration") == pytest.approx(
        DURATION_S
    )


def test_sounds_that_cannot_be_decoded_leave_the_plain_players(browser: Page, tmp_path: Path) -> None:
    html = re.sub(r"data:audio/flac;base64,[^\"]{100}", "data:audio/flac;base64," + 100 * "A", page_html())
    (tmp_path / "index.html").write_text(html, encoding="utf-8")
    browser.open((tmp_path / "index.html").as_uri())
    assert not shown(browser, "#plain")
    browser.click("#play")
    browser.wait_for("return !document.getElementById('trouble').hidden", "the trouble is said")
    assert player(browser)["state"] == "stopped"
    assert shown(browser, "#plain")


def test_names_full_of_markup_are_text_and_compressed_sounds_play(
    browser: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.discovery.played_sounds.MAX_LOSSLESS_SAMPLES", 0)
    monkeypatch.setattr("dashboards.discovery.played_sounds.MAX_TOTAL_S", 12.0)
    sound = replace(discovered_sound(), name=EVIL, source=EVIL, origin=EVIL)
    (tmp_path / "index.html").write_text(page_html(sound, sentence=EVIL, notes=[EVIL]), encoding="utf-8")
    browser.messages()
    browser.open((tmp_path / "index.html").as_uri())
    browser.run(WATCH)
    assert browser.run("return document.querySelector('h1').textContent").startswith(EVIL[:-1])
    browser.click("#play")
    browser.wait_for("return window.started.length === 8", "all sounds run")
    buffers: list[Any] = browser.run("return window.started.map(({ node }) => node.buffer.duration)")
    assert buffers == pytest.approx([1.52] * 8, abs=0.02)
    browser.run("const bar = document.getElementById('position'); bar.value = 9; bar.dispatchEvent(new Event('input'))")
    assert position_s(browser) <= 1.5, "only a part is played"
    assert browser.messages() == []
