"""Reading of TOML files and values, with errors that name the line or the key."""

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import ConfigError

MAX_INTEGER = 2**63 - 1
"""Largest whole number of TOML, and of the files in which settings and seeds are stored."""
_MAX_LINE = 60
"""Largest number of characters of a line that an error message quotes."""
_PLACE = re.compile(r"(?P<problem>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)")
"""Message of a syntax error with its place."""


def read_toml(path: str | Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        ConfigError: the file cannot be read, is not valid TOML, or has a value that cannot be a setting.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; give the path of a TOML file") from error
    try:
        # Some editors begin UTF-8 files with a byte order mark.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"{path} is not valid TOML: line {line} has the byte {data[error.start]:#04x}, which is not UTF-8; "
            "save the file in the encoding UTF-8"
        ) from error
    try:
        content = tomllib.loads(text)
    except RecursionError as error:
        raise ConfigError(
            f"{path} is not valid TOML: its lists or tables are nested too deeply; flatten them"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {_syntax_problem(str(error), text)}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not valid TOML: a number has too many digits; give a smaller one") from error
    try:
        check_values(content)
    except ConfigError as error:
        raise ConfigError(f"{Path(path).name}: {error}") from error
    return content


def parse_value(text: str) -> Any:
    """The value of a TOML expression, or the text itself if it is none.

    Raises:
        ConfigError: the value cannot be a setting.
    """
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text
    check_values(value, text)
    return value


def check_values(value: Any, path: str = "") -> None:
    """Check that a value and all values in it can be settings: text, truth values, finite numbers, lists and tables.

    Args:
        value: Value of a TOML file.
        path: Its dotted path, for the error message.

    Raises:
        ConfigError: there is a date, a time, an infinite number, or a whole number with more than 64 bits.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            check_values(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_values(item, f"{path}.{index}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{path}: numbers are finite; got {value}; give a number")
    elif isinstance(value, int) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        digits = str(value) if value.bit_length() < 200 else f"one of {value.bit_length()} bits"
        raise ConfigError(f"{path}: whole numbers lie between -2^63 and 2^63 - 1; got {digits}; give a smaller one")
    elif not isinstance(value, str | int | float):
        raise ConfigError(
            f"{path}: a value is text, a number, true or false, a list or a table; got a {type(value).__name__}, "
            f"{value}; for text, write it in quotes"
        )


def _syntax_problem(message: str, text: str) -> str:
    """What is wrong with the syntax of a TOML text, with the line where it was noticed."""
    place = _PLACE.fullmatch(message)
    if place is None:
        return f"{message}; correct the syntax"
    number = int(place["line"])
    lines = text.splitlines()
    line = lines[number - 1].strip() if number <= len(lines) else ""
    shown = line if len(line) <= _MAX_LINE else f"{line[:_MAX_LINE]}..."
    return f"{message}; correct line {number}{f', {shown!r}' if shown else ', or the lines before it'}"
