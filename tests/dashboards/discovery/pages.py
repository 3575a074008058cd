"""Pages of discovered sounds for tests, with words, files and names full of markup."""

from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from core.discovery.discovered_sound import DiscoveredSound
from dashboards.discovery.page import discovery_page
from dashboards.discovery.page_content import ModulationWords
from tests.dashboards.report.html_page import strict_json
from tests.support.discovered import discovered_sound

EVIL = "</script><img src=x onerror=console.error(1)> & \"quoted\" 'name'\u202e"
"""A name full of markup, with a character that turns the direction of writing."""
SENTENCE = "tremolo: 5.8 Hz, depth 0.6, sine; the filter swings at 1.5 Hz"
WORDS = (
    ModulationWords(name="add", title="timbre", words="rise from 0.15 to 0.7 in 1.9 s", depth=0.55, shape="rise"),
    ModulationWords(
        name="sub", title="filter LFO", words="1.5 Hz, triangle", rate_hz=1.5, depth=0.47, phase=0.5, shape="triangle",
        shape_error=0.04, note_value="1/2 dotted at 120 BPM",
    ),
    ModulationWords(name="env", title="tremolo", words="5.8 Hz, sine", rate_hz=5.8, depth=0.6, shape="sine"),
)  # fmt: skip


@dataclass(frozen=True)
class File:
    """A file beside the page."""

    name: str
    what: str


FILES = (
    File("Night_Bell_D3.vital", "a preset for Vital"),
    File("javascript:alert(1)", "an evil name"),
    File("//elsewhere.org/a #?%é.wav", "another one"),
)


def page_html(sound: DiscoveredSound | None = None, **options: Any) -> str:
    """The page of a sound, by default the one with known curves."""
    given = {"sentence": SENTENCE, "words": WORDS, "files": FILES} | options
    return discovery_page(sound or discovered_sound(), **given)


class DiscoveryHtml(HTMLParser):
    """Tags with their attributes, the text outside scripts, and the data of the scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._json = ""
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        where = self._open[-1] if self._open else ""
        if where == "script" and self.tags[-1][1].get("type") == "application/json":
            self._json += data
        elif where not in ("script", "style"):
            self.text += data

    @property
    def data(self) -> Any:
        return strict_json(self._json)

    def with_attribute(self, tag: str, attribute: str) -> list[str]:
        """Values of an attribute of all tags of a kind that have it."""
        return [
            attributes[attribute] or "" for name, attributes in self.tags if name == tag and attribute in attributes
        ]

    def of_class(self, tag: str, name: str) -> Sequence[dict[str, str | None]]:
        """Attributes of the tags of a kind and class."""
        return [a for each, a in self.tags if each == tag and name in (a.get("class") or "").split()]
