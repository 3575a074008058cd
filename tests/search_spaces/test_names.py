"""Names of studies and arms, and texts that are made to fit the rule for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from search_spaces.names import MAX_LENGTH, check_name, fitted_name


@pytest.mark.parametrize("name", ["a", "frame", "lpf-8", "n_segments=8 degree=1", "8 Hz", "a.b", "C_", "x,y"])
def test_readable_names_are_admitted_and_stay_as_they_are(name: str) -> None:
    check_name("an arm", name)
    assert fitted_name(name) == name


@pytest.mark.parametrize("name", ["", " a", "a ", "a/b", ".hidden", "a-", "a\nb", "ä", "x" * (MAX_LENGTH + 1)])
def test_names_that_would_not_do_as_a_key_or_label_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"the name of a study has letters, digits, .* at most 100 characters; got"):
        check_name("a study", name)


@given(st.text(max_size=300))
def test_any_text_can_be_fitted(text: str) -> None:
    name = fitted_name(text)
    check_name("an arm", name)
    assert fitted_name(name) == name


@given(st.text("ab", min_size=MAX_LENGTH + 1, max_size=120), st.text("ab", min_size=MAX_LENGTH + 1, max_size=120))
def test_long_texts_keep_their_beginning_and_stay_different(one: str, other: str) -> None:
    assert fitted_name(one).startswith(one[:80])
    assert (fitted_name(one) == fitted_name(other)) == (one == other)


def test_characters_outside_the_rule_become_underscores() -> None:
    assert fitted_name("../tables/a b.wav") == "tables_a b.wav"
    assert fitted_name("cost (€)") == "cost ___"
