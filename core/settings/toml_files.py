"""Reading of TOML files and values, with errors that name the line or the key.

A file may come from anybody, so only regular files of a limited size are read, and only a limited depth is parsed: the
parser of the standard library calls itself for nested lists, and takes time that grows with the square of the number of
parts of a dotted key.
"""

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import ConfigError
from core.regular_files import open_regular
from core.settings.value_rules import shortened, shown_text, shown_value

MAX_INTEGER = 2**63 - 1
"""Largest whole number of TOML, and of the files in which settings and seeds are stored."""
MAX_BYTES = 2**20
"""Largest size of a file that is read."""
MAX_DEPTH = 32
"""Largest depth of lists and tables in each other, and largest number of parts of a dotted key."""
MAX_KEY = 200
"""Largest number of characters of a key, or of a part of a dotted one."""
_TOO_DEEP = f"its lists or tables are nested too deeply; flatten them to at most {MAX_DEPTH} levels"
_MAX_LINE = 60
"""Largest number of characters of a line that an error message quotes."""
_TOKEN = re.compile(
    r"""(?P<skipped>\#[^\n]*|"{3}(?:[^\\]|\\.?)*?(?:"{3,5}|\Z)|'{3}.*?(?:'{3,5}|\Z)|[ \t]+)"""
    r"""|(?P<part>"(?:[^"\\\n]|\\.?)*+"?|'[^'\n]*+'?|[A-Za-z0-9_+-]+)"""
    r"""|(?P<dot>\.)|(?P<opening>[\[{])|(?P<closing>[\]}])|.""",
    re.DOTALL,
)
"""A token of TOML, as far as depths depend on it; text in quotes that is not closed goes to the end of line or file."""
_PLACE = re.compile(r"(?P<problem>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)", re.DOTALL)
"""Message of a syntax error with its place."""


def read_toml(path: str | Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        ConfigError: the file cannot be read, is not valid TOML, or has a value that cannot be a setting.
    """
    data = _bytes_of(path)
    path = shown_text(path)
    try:
        # Some editors begin UTF-8 files with a byte order mark.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"{path} is not valid TOML: line {line} has the byte {data[error.start]:#04x}, which is not UTF-8; "
            "save the file in the encoding UTF-8"
        ) from error
    if (depth_problem := _depth_problem(text)) is not None:
        raise ConfigError(f"{path} is not valid TOML: {depth_problem}")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {_syntax_problem(str(error), text)}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not valid TOML: a number has too many digits; give a smaller one") from error
    try:
        check_values(content)
    except ConfigError as error:
        raise ConfigError(f"{path.rpartition('/')[2]}: {error}") from error
    return content


def parse_value(text: str) -> Any:
    """The value of a TOML expression, or the text itself if it is none.

    Raises:
        ConfigError: the value cannot be a setting, or is nested too deeply.
    """
    if _depth_problem(text) is not None:
        return text
    try:
        found = tomllib.loads(f"value = {text}")
    except ValueError:
        return text
    if len(found) > 1:
        # Several lines, of which only the first would count.
        return text
    value = found["value"]
    check_values(value, text)
    return value


def check_values(value: Any, path: str = "", depth: int = 0) -> None:
    """Check that a value and all values in it can be settings: text, truth values, finite numbers, lists and tables.

    Args:
        value: Value of a TOML file.
        path: Its dotted path, for the error message.
        depth: Number of lists and tables around it.

    Raises:
        ConfigError: there is a date, a time, an infinite number, a whole number with more than 64 bits, or a value in
            more than `MAX_DEPTH` lists and tables.
    """
    if depth > MAX_DEPTH:
        raise ConfigError(f"{shown_text(path)}: {_TOO_DEEP}")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if len(key) > MAX_KEY or not key.isprintable():
                raise ConfigError(
                    f"a key has at most {MAX_KEY} characters, all of them printable; got {shown_value(key)}; rename it"
                )
            check_values(item, f"{path}.{key}" if path else key, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if not isinstance(item, str):
                check_values(item, f"{path}.{index}", depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{shown_text(path)}: numbers are finite; got {value}; give a number")
    elif isinstance(value, int) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        digits = str(value) if value.bit_length() < 200 else f"one of {value.bit_length()} bits"
        raise ConfigError(
            f"{shown_text(path)}: whole numbers lie between -2^63 and 2^63 - 1; got {digits}; give a smaller one"
        )
    elif not isinstance(value, str | int | float):
        raise ConfigError(
            f"{shown_text(path)}: a value is text, a number, true or false, a list or a table; got a "
            f"{type(value).__name__}, {value}; for text, write it in quotes"
        )


def _bytes_of(path: str | Path) -> bytes:
    """The content of a regular file.

    Raises:
        ConfigError: the file cannot be read, is not a regular one, or is too large.
    """
    try:
        with open_regular(Path(path)) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {shown_text(path)}: {error.strerror}; give the path of a TOML file") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(
            f"cannot read {shown_text(path)}: a TOML file has at most {MAX_BYTES:,} bytes, and this one more; "
            "give another file, or write its arms as a [[space]]"
        )
    return data


def _depth_problem(text: str) -> str | None:
    """What is nested too deeply in a TOML text; None if nothing is."""
    depth, n_parts, after_dot = 0, 0, False
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "skipped":
                continue
            case "opening":
                depth += 1
            case "closing":
                depth = max(0, depth - 1)
            case "part":
                n_parts = n_parts + 1 if after_dot else 1
            case _:
                pass
        after_dot = token.lastgroup == "dot"
        if depth > MAX_DEPTH:
            return _TOO_DEEP
        if n_parts > MAX_DEPTH:
            return f"a dotted key has at most {MAX_DEPTH} parts; shorten it"
    return None


def _syntax_problem(message: str, text: str) -> str:
    """What is wrong with the syntax of a TOML text, with the line where it was noticed."""
    place = _PLACE.fullmatch(message)
    if place is None:
        return f"{shown_text(message)}; correct the syntax"
    number = int(place["line"])
    lines = text.splitlines()
    line = lines[number - 1].strip() if number <= len(lines) else ""
    shown = shortened(line, _MAX_LINE)
    problem = f"{shown_text(place['problem'])} (at line {number}, column {place['column']})"
    return f"{problem}; correct line {number}{f', {shown!r}' if shown else ', or the lines before it'}"
