"""A report's page as its tags, texts and data."""

import base64
import json
from html.parser import HTMLParser
from typing import Any

import numpy as np

from core.storage.store import Store
from dashboards.report.keys import PAGE_KEY


class HtmlPage(HTMLParser):
    """Tags with their attributes, the text outside scripts, and the data of the scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.links: list[str | None] = []
        """Links of the navigation."""
        self.json = ""
        """The data that the scripts of all sections read."""
        self.explorer_json = ""
        """The data of the curve explorer."""
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)
        if tag == "a" and "nav" in self._open:
            self.links.append(dict(attrs).get("href"))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script" and self.tags[-1][1].get("type") == "application/json":
            if self.tags[-1][1].get("id") == "explorer-data":
                self.explorer_json += data
            else:
                self.json += data
        elif not self._open or self._open[-1] not in ("script", "style"):
            self.text += data

    @property
    def data(self) -> Any:
        return strict_json(self.json)

    @property
    def explorer(self) -> Any:
        return strict_json(self.explorer_json)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)

    @property
    def section_ids(self) -> list[str | None]:
        return [attributes.get("id") for tag, attributes in self.tags if tag == "section"]


def unpacked(numbers: str, n_columns: int) -> list[list[float | None]]:
    """Rows of the page's packed numbers, None for NaN."""
    table = np.frombuffer(base64.b64decode(numbers), dtype="<f4").astype(np.float64).reshape(-1, n_columns)
    return [[None if np.isnan(value) else float(value) for value in row] for row in table]


def page_of(store: Store) -> HtmlPage:
    return HtmlPage(store.get(PAGE_KEY).decode())


def strict_json(data: str | bytes) -> Any:
    """JSON without NaN and infinity.

    Raises:
        ValueError: it has one of them.
    """

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(data, parse_constant=refuse)
