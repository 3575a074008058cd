"""What the page of a discovered sound contains, and what it must not."""

import re
from dataclasses import replace

import numpy as np
import pytest

from core.settings.audio import AudioConfig
from dashboards.content_policy import page_policy
from dashboards.discovery.page import relative_address
from dashboards.discovery.page_content import ModulationWords
from dashboards.formatting import number
from dashboards.report.curve_paths import curve_path
from tests.dashboards.discovery.pages import EVIL, FILES, SENTENCE, WORDS, DiscoveryHtml, page_html
from tests.support.discovered import discovered_sound, noisy_sound


@pytest.fixture(scope="module")
def html() -> str:
    return page_html()


@pytest.fixture(scope="module")
def page(html: str) -> DiscoveryHtml:
    return DiscoveryHtml(html)


def test_the_page_loads_nothing(html: str, page: DiscoveryHtml) -> None:
    loading = {"src", "srcset", "poster", "data", "action", "background"}
    for tag, attributes in page.tags:
        for name in loading & attributes.keys():
            assert (attributes[name] or "").startswith("data:"), (tag, name)
    links = [each for tag in ("a", "link") for each in page.with_attribute(tag, "href")]
    assert all(link.startswith(("./", "#", "data:,")) for link in links)
    # The namespace of SVG is a name, not an address; nothing else looks like one.
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", html) == []
    css = html.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in css
    assert "@import" not in css


def test_its_policy_names_its_script_and_style_by_hash(html: str, page: DiscoveryHtml) -> None:
    css = html.partition("<style>")[2].partition("</style>")[0]
    script = html.rpartition("<script>")[2].partition("</script>")[0]
    found = [
        a["content"] or "" for tag, a in page.tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert found == [page_policy([css], [script])]
    assert "media-src data:;" in found[0]
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_it_begins_with_name_and_sentence(page: DiscoveryHtml) -> None:
    assert page.text.index("Night_Bell_D3") < page.text.index(SENTENCE) < page.text.index("D3, 146.8 Hz (file name)")
    assert "2 s at 16 kHz" in page.text
    assert "fitted in 600 steps" in page.text


def test_all_curves_are_drawn_over_the_spectrogram_and_in_tracks_in_order(html: str) -> None:
    sound = discovered_sound()
    over, _, tracks = html.partition('</svg>\n        <span class="hz"')
    for part in (over, tracks):
        places = [part.index(curve_path(curve.values, 450)) for curve in sound.curves]
        assert places == sorted(places)


def test_each_version_has_a_spectrogram_and_a_plain_player_and_only_the_targets_is_seen(page: DiscoveryHtml) -> None:
    keys = ["target", "estimate", *(f"{kind}-{index}" for index in range(3) for kind in ("solo", "muted"))]
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert [image["data-seen"] for image in images] == keys
    assert ["hidden" in image for image in images] == [False] + [True] * 7
    players = [attributes for tag, attributes in page.tags if tag == "audio"]
    assert [player["data-sound"] for player in players] == keys
    assert all("controls" in player for player in players)


def test_what_needs_the_script_is_hidden_without_it(page: DiscoveryHtml) -> None:
    for tag, name in (("div", "player"), ("span", "buttons"), ("label", "overlay")):
        assert page.of_class(tag, name)
        assert all("hidden" in attributes for attributes in page.of_class(tag, name))
    assert all("hidden" not in attributes for attributes in page.of_class("div", "plain"))


def test_the_numbers_are_those_of_the_sound(html: str, page: DiscoveryHtml) -> None:
    sound = discovered_sound()
    for value in (sound.mss, sound.constant_mss, *(curve.effect for curve in sound.curves)):
        assert number(value) in page.text
    assert f"close {round(100 * (1 - sound.mss / sound.constant_mss))} % of the distance" in page.text
    rows = re.findall(r"<tr>(.*?)</tr>", html.partition('id="numbers"')[2].partition("</section>")[0], re.DOTALL)
    cells = [
        [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<td.*?</td>", row)]
        for row in rows[1:]
    ]
    mean = [f"{curve.values.mean():.2f}" for curve in sound.curves]
    effect = [f"+{number(curve.effect)}" for curve in sound.curves]
    assert cells == [
        ["add", "position in the wavetable", "timbre", "–", "–", "0.55", mean[0], "–", "rise", effect[0]],
        [
            "sub",
            "cutoff of the filter",
            "filter LFO",
            "1.50 Hz",
            "1/2 dotted at 120 BPM",
            "0.47",
            mean[1],
            "0.50",
            "triangle ± 4 %",
            effect[1],
        ],
        ["env", "amplitude", "tremolo", "5.80 Hz", "–", "0.60", mean[2], "–", "sine", effect[2]],
    ]


def test_curves_that_do_not_help_are_said_to(page: DiscoveryHtml) -> None:
    worse = DiscoveryHtml(page_html(replace(discovered_sound(), mss=2.0, constant_mss=1.0)))
    assert "do not rely on them" in worse.text
    assert "do not rely on them" not in page.text


def test_files_are_listed_with_what_opens_them_under_relative_addresses(page: DiscoveryHtml) -> None:
    for file in FILES:
        assert file.name in page.text
        assert file.what in page.text
    links = page.with_attribute("a", "href")
    assert "./Night_Bell_D3.vital" in links
    assert "./javascript%3Aalert%281%29" in links
    assert ".///elsewhere.org/a%20%23%3F%25%C3%A9.wav" in links


def test_addresses_of_undecodable_names_are_their_bytes() -> None:
    assert relative_address("a\udcff.wav") == "./a%FF.wav"


def test_text_from_elsewhere_is_text_wherever_it_is_shown() -> None:
    words = [ModulationWords(name=name, title=EVIL, words=EVIL, note_value=EVIL, shape=EVIL) for name in ("add", "sub")]
    sound = replace(discovered_sound(), name=EVIL, source=EVIL, pitch_source=EVIL, origin=EVIL)
    plain = page_html()
    evil = page_html(sound, sentence=EVIL, words=words, notes=[EVIL], files=[replace(FILES[0], name=EVIL, what=EVIL)])
    page = DiscoveryHtml(evil)
    assert [tag for tag, _ in page.tags].count("img") == [tag for tag, _ in DiscoveryHtml(plain).tags].count("img")
    assert evil.count("<script") == plain.count("<script") == 2
    assert evil.count("</script>") == 2
    assert "\u202e" not in evil
    assert "\\u202e" in page.text
    assert page.data["tracks"][0]["title"] == EVIL.replace("\u202e", "\\u202e")


def test_a_way_back_to_the_index_and_doubts_are_shown_if_there_are_any(page: DiscoveryHtml) -> None:
    assert "all sounds" not in page.text
    assert "keep in mind" not in page.text
    more = DiscoveryHtml(page_html(index="../index.html", notes=["It may as well be a filter LFO."]))
    assert "./../index.html" in more.with_attribute("a", "href")
    assert "It may as well be a filter LFO." in more.text


def test_sounds_of_synths_without_a_wavetable_have_no_drawing_of_one(page: DiscoveryHtml) -> None:
    assert "moves through them" in page.text
    assert "moves through them" not in DiscoveryHtml(page_html(replace(discovered_sound(), wavetable=None))).text


def test_six_seconds_at_44_1_khz_stay_below_ten_megabytes_even_as_noise() -> None:
    html = page_html(noisy_sound(6 * 44_100))
    assert len(html.encode()) < 10e6
    assert "compressed" not in DiscoveryHtml(html).text


def test_long_sounds_are_bounded_and_the_page_says_so() -> None:
    sound = noisy_sound(64 * 8000, 8000, n_curves=4)
    html = page_html(sound)
    text = " ".join(DiscoveryHtml(html).text.split())
    assert len(html.encode()) < 10e6
    assert "plays the first 48 s" in text
    assert "compressed (Ogg Vorbis)" in text
    assert 'class="unplayed" style="left:75.000%"' in html


@pytest.mark.parametrize("n_curves", [0, 1, 8])
def test_any_number_of_curves_is_shown(n_curves: int) -> None:
    page = DiscoveryHtml(page_html(noisy_sound(8000, 8000, n_curves)))
    assert len(page.data["tracks"]) == n_curves
    assert len(page.data["sounds"]) == 2 + 2 * n_curves


def test_silence_and_undefined_distances_are_shown() -> None:
    sound = replace(
        noisy_sound(800, 16_000, 1),
        audio=AudioConfig(duration_s=0.05, hop_length=100), target=np.zeros(800), estimate=np.zeros(800),
        mss=float("nan"), constant_mss=float("inf"),
    )  # fmt: skip
    assert "do not rely on them" in DiscoveryHtml(page_html(sound, words=WORDS[:1])).text
