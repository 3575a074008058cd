"""TOML files are read with errors that name the line, and hold only values that can be settings."""

from pathlib import Path

import pytest

from core.errors import ConfigError
from core.settings.toml_files import MAX_INTEGER, parse_value, read_toml


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_files_are_read_with_and_without_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.toml").write_text('name = "Café"\n', encoding=encoding)
    assert read_toml(tmp_path / "a.toml") == {"name": "Café"}


def test_a_syntax_error_shows_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("a = 1\nb = = 2\n")
    with pytest.raises(ConfigError, match=r"\(at line 2, column 5\); correct line 2, 'b = = 2'"):
        read_toml(tmp_path / "a.toml")


def test_a_long_line_is_cut(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("a = ?" + "x" * 1000)
    with pytest.raises(ConfigError, match=r"correct line 1, 'a = \?x{55}\.\.\.'"):
        read_toml(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("inf", "numbers are finite; got inf"),
        ("[1.0, nan]", "numbers are finite; got nan"),
        (str(MAX_INTEGER + 1), "whole numbers lie between"),
        ("1" * 400, "got one of 1326 bits"),
        ("07:32:00", "got a time, 07:32:00"),
        ("{ b = [2020-01-01] }", "got a date, 2020-01-01"),
    ],
)
def test_values_that_cannot_be_settings_are_refused(tmp_path: Path, value: str, rule: str) -> None:
    (tmp_path / "a.toml").write_text(f"part.a = {value}\n")
    with pytest.raises(ConfigError, match=f"a.toml: part.a.*: .*{rule}"):
        read_toml(tmp_path / "a.toml")
    with pytest.raises(ConfigError, match=rule):
        parse_value(value)


def test_the_largest_numbers_are_settings() -> None:
    assert parse_value(str(MAX_INTEGER)) == MAX_INTEGER
    assert parse_value(str(-MAX_INTEGER - 1)) == -MAX_INTEGER - 1


def test_what_is_no_toml_is_text() -> None:
    assert parse_value("my table.wav") == "my table.wav"
    assert parse_value("[" * 5000) == "[" * 5000
