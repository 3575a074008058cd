"""Rules that invalid values break, in the words of a settings file, and what a user gave as text for messages."""

import re
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any

MAX_SHOWN = 200
"""Largest number of characters of a value that an error message shows."""
MAX_MESSAGE = 1100
"""Largest number of characters of an error message."""
MAX_NAMED = 12
"""Largest number of names that an error message lists."""

_RULES: Mapping[str, str] = {
    "missing": "this key is missing; add it",
    "unexpected_keyword_argument": "there is no such key",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "string_type": "must be text, in quotes",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list, in [ ]",
    "tuple_type": "must be a list, in [ ]",
    "too_short": "has too few items",
    "dict_type": "must be a table, in { } or under its own [header]",
    "dataclass_type": "must be a table, in { } or under its own [header]",
}
"""Rules by the error types of pydantic; others are given in its words."""
_REWORDED = re.compile("(Input|String) should")
"""Beginnings of rules in the words of pydantic."""


def shown_value(value: Any) -> str:
    """A value that a user gave, as text for an error message: text in quotes, at most `MAX_SHOWN` characters.

    Control characters and those that change the direction of writing are escaped.
    """
    try:
        if isinstance(value, str):
            # Two more for the quotes.
            return shortened(repr(value[: 2 * MAX_SHOWN]), MAX_SHOWN + 2)
        return shortened(repr(value))
    except (ValueError, RecursionError):
        # An integer of too many digits, or lists that are nested too deeply.
        return f"a value of type {type(value).__name__}"


def shown_text(text: object) -> str:
    """A path or name that a user gave, as `shown_value` shows it, but without quotes."""
    return shortened(printable(str(text)[: 2 * MAX_SHOWN]))


def printable(name: object, keep: str = "") -> str:
    """A name or text with escapes in place of what is not printed: control characters and undecodable bytes.

    Args:
        name: The text, or a path.
        keep: Characters that stay as they are although they are not printed.
    """
    text = str(name)
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else repr(each)[1:-1] for each in text)


def shortened(text: str, most: int = MAX_SHOWN) -> str:
    """The text, or its beginning if it has more than `most` characters."""
    return text if len(text) <= most else f"{text[:most]}..."


def one_message(text: str) -> str:
    """An error message as it is shown: printable, and with an ellipsis in the middle if it is too long."""
    message = printable(text, keep="\n")
    if len(message) <= MAX_MESSAGE:
        return message
    end = message[-MAX_MESSAGE // 4 :]
    return f"{message[: MAX_MESSAGE - len(end) - 5]} ... {end}"


def listed(names: Collection[str]) -> str:
    """Names for an error message, of which at most `MAX_NAMED` are listed."""
    n_more = len(names) - MAX_NAMED
    first = ", ".join(map(shown_text, islice(names, MAX_NAMED)))
    return first if n_more <= 0 else f"{first} and {n_more:,} more"


def broken_rule(problem: Mapping[str, Any]) -> str:
    """The rule that a value breaks, and the value, from an entry of `pydantic.ValidationError.errors`."""
    rule = _RULES.get(problem["type"]) or _REWORDED.sub("must", str(problem["msg"]))
    if problem["type"] == "too_long":
        rule = f"must have at most {problem['ctx']['max_length']:,} items"
    is_key = problem["type"] in ("missing", "unexpected_keyword_argument")
    return rule if is_key else f"{rule[0].lower()}{rule[1:]}; got {shown_value(problem['input'])}"


def place_in(problem: Mapping[str, Any]) -> str:
    """Path of the invalid part within a value, such as `.0.n_fft`; empty if it is the value itself."""
    return "".join(f".{shown_text(part)}" for part in problem["loc"])
