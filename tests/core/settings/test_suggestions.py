"""Suggestions for misspelt names."""

from core.settings.suggestions import did_you_mean


def test_close_name_is_suggested_below_its_prefix() -> None:
    known = ("width", "n_mels")
    assert did_you_mean("widht", known, prefix="encoder.", otherwise="no idea") == "did you mean encoder.width?"


def test_name_that_resembles_none_gets_the_other_sentence() -> None:
    assert did_you_mean("colour", ("width", "n_mels"), otherwise="known here: width, n_mels") == (
        "known here: width, n_mels"
    )
    assert did_you_mean("colour", (), otherwise="nothing is known") == "nothing is known"
