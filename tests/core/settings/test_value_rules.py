"""What a user gave, as text for error messages: short, printable and on one line."""

from hypothesis import given
from hypothesis import strategies as st

from core.settings.value_rules import (
    MAX_MESSAGE,
    MAX_NAMED,
    MAX_SHOWN,
    listed,
    one_message,
    printable,
    shown_text,
    shown_value,
)


def test_values_are_shown_as_they_are_written() -> None:
    assert shown_value(8) == "8"
    assert shown_value("8") == "'8'"
    assert shown_value([1, "a"]) == "[1, 'a']"
    assert shown_text("a b") == "a b"
    assert shown_value("x" * MAX_SHOWN) == f"'{'x' * MAX_SHOWN}'"


def test_what_controls_a_terminal_is_escaped() -> None:
    assert shown_value("a\x1b[2J\u202e\x00\n") == r"'a\x1b[2J\u202e\x00\n'"
    assert shown_text("a\x1b[2J\u202e\x00\n\udcff") == r"a\x1b[2J\u202e\x00\n\udcff"
    assert printable("a\nb\r", keep="\n") == "a\nb\\r"


def test_large_values_are_cut() -> None:
    assert shown_value("x" * 10**7) == f"'{'x' * (MAX_SHOWN + 1)}..."
    assert shown_text("x" * 10**7) == f"{'x' * MAX_SHOWN}..."
    assert len(shown_value(list(range(10**5)))) == MAX_SHOWN + 3
    assert shown_value(10**5000) == "a value of type int"
    nested: list[object] = []
    for _ in range(10**5):
        nested = [nested]
    assert shown_value(nested) == "a value of type list"


def test_of_many_names_the_first_are_listed() -> None:
    names = [f"n{number}" for number in range(MAX_NAMED + 3)]
    assert listed(names[:2]) == "n0, n1"
    assert listed(names) == f"{', '.join(names[:MAX_NAMED])} and 3 more"


def test_a_long_message_keeps_its_beginning_and_its_remedy() -> None:
    message = one_message("rule: " + "x" * 10**6 + "; lower it")
    assert len(message) == MAX_MESSAGE
    assert message.startswith("rule: xxx")
    assert message.endswith("xxx; lower it")


@given(text=st.text())
def test_any_text_is_shown_in_printable_characters(text: str) -> None:
    assert shown_value(text).isprintable()
    assert shown_text(text).isprintable()
    assert printable(text).isprintable()
