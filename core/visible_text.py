"""Text from elsewhere, made safe to show: it steers no terminal, turns no direction of writing and is no formula."""

import re
from collections.abc import Mapping
from typing import Any

_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
"""Control characters but tab and line feed, and those that change the direction of writing (Unicode TR 36, 3.6)."""


def visible(text: str) -> str:
    """The text with each control character as its escape, such as `\\x1b` or `\\u202e`; tabs and line feeds stay."""
    return _INVISIBLE.sub(lambda match: match[0].encode("unicode_escape", "surrogatepass").decode(), text)


def with_visible_text(value: Any) -> Any:
    """A plain value, such as one for JSON, with all texts in it made visible, keys included."""
    match value:
        case str():
            return visible(value)
        case Mapping():
            return {with_visible_text(key): with_visible_text(content) for key, content in value.items()}
        case list() | tuple():
            return [with_visible_text(content) for content in value]
        case _:
            return value


def without_formula(text: str) -> str:
    """A text for a cell of CSV: behind a quotation mark if a spreadsheet would take it for a formula.

    Reference: OWASP, CSV Injection.
    """
    first = text.lstrip()[:1] if text[:1] not in ("\t", "\r") else text[:1]
    if not first or first not in "=+-@\t\r\uff1d\uff0b\uff0d\uff20" or _is_number(text):
        return text
    return f"'{text}"


def from_cell(text: str) -> str:
    """The text of which `without_formula` made that of a cell."""
    bare = text.removeprefix("'")
    return bare if bare != text and without_formula(bare) == text else text


def _is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
