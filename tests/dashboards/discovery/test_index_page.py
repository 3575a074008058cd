"""The page of several discovered sounds."""

import re
from dataclasses import replace
from typing import Any

from core.discovery.discovered_sound import DiscoveredSound
from dashboards.discovery.index_page import IndexEntry, ProblemSound, discovery_index, index_entry
from dashboards.formatting import number
from tests.dashboards.discovery.pages import EVIL, SENTENCE, WORDS, DiscoveryHtml
from tests.support.discovered import discovered_sound


def entry(sound: DiscoveredSound | None = None, folder: str = "a", **options: Any) -> IndexEntry:
    paths = {
        name: f"{folder}/{file}" for name, file in (("page", "index.html"), ("target", "t.wav"), ("estimate", "e.wav"))
    }
    return index_entry(sound or discovered_sound(), **({"sentence": SENTENCE, "words": WORDS} | paths | options))


def test_each_sound_has_its_sentence_curves_distances_and_addresses() -> None:
    sound = discovered_sound()
    html = discovery_index([entry(folder="a #1"), entry(replace(sound, name="second"), folder="b", words=())])
    page = DiscoveryHtml(html)
    assert page.text.count(SENTENCE) == 2
    assert "D3 · 2 s" in page.text
    assert page.text.index("Night_Bell_D3") < page.text.index("second")
    for value in (sound.mss, sound.constant_mss, *(curve.effect for curve in sound.curves)):
        assert page.text.count(number(value)) >= 2
    assert page.with_attribute("a", "href").count("./a%20%231/index.html") == 4
    assert {"./a%20%231/t.wav", "./b/e.wav"} <= set(page.with_attribute("a", "href"))
    assert len(page.of_class("path", "curve")) == 6
    titles = re.findall(r"<span>([^<]*)</span><b>", html)
    assert titles == ["timbre", "filter LFO", "tremolo", "add", "sub", "env"]


def test_it_loads_nothing_but_the_sounds_beside_it() -> None:
    html = discovery_index([entry()])
    page = DiscoveryHtml(html)
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a) or ""
    assert "default-src 'none'" in policy
    assert "media-src data: 'self' file:;" in policy
    assert page.with_attribute("audio", "src") == []
    assert re.findall(r"https?://", html) == []


def test_sounds_that_could_not_be_used_are_listed_with_their_reason() -> None:
    page = DiscoveryHtml(discovery_index([entry()], [ProblemSound(name="kick.wav", reason="no pitch found")]))
    assert "1 sound that could not be used" in page.text
    assert page.text.index("kick.wav") < page.text.index("no pitch found")
    assert "1 more could not be used" in page.text


def test_an_index_of_problems_alone_says_so() -> None:
    page = DiscoveryHtml(discovery_index([], [ProblemSound(name="kick.wav", reason="silent")]))
    assert "No sound could be used." in page.text
    assert not any(tag == "table" for tag, _ in page.tags)


def test_text_from_elsewhere_is_text() -> None:
    words = [replace(WORDS[0], title=EVIL, words=EVIL)]
    problems = [ProblemSound(name=EVIL, reason=EVIL)]
    html = discovery_index([entry(replace(discovered_sound(), name=EVIL), sentence=EVIL, words=words)], problems)
    page = DiscoveryHtml(html)
    assert not any(tag == "img" for tag, _ in page.tags)
    assert html.count("<script") == html.count("</script>") == 1
    assert "\u202e" not in html
    assert page.text.count("<img src=x onerror=console.error(1)>") == 5


def test_a_thousand_sounds_stay_small() -> None:
    assert len(discovery_index([entry()] * 1000).encode()) < 12e6
