"""Rules that invalid values break, in the words of a settings file instead of those of the validation library."""

from collections.abc import Mapping
from typing import Any

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


def broken_rule(problem: Mapping[str, Any]) -> str:
    """The rule that a value breaks, and the value, from an entry of `pydantic.ValidationError.errors`."""
    rule = _RULES.get(problem["type"]) or str(problem["msg"]).replace("Input should be", "must be")
    is_key = problem["type"] in ("missing", "unexpected_keyword_argument")
    return rule if is_key else f"{rule[0].lower()}{rule[1:]}; got {problem['input']!r}"


def place_in(problem: Mapping[str, Any]) -> str:
    """Path of the invalid part within a value, such as `.0.n_fft`; empty if it is the value itself."""
    return "".join(f".{part}" for part in problem["loc"])
