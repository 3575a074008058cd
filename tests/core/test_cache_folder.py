"""Location of the user's cache."""

from pathlib import Path

import pytest

from core.cache_folder import cache_folder


def test_cache_is_below_the_folder_that_the_user_names(own_cache: Path) -> None:
    assert cache_folder() == own_cache / "modstudy"


@pytest.mark.parametrize("value", [None, ""])
def test_cache_is_below_the_home_folder_by_default(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    if value is None:
        monkeypatch.delenv("XDG_CACHE_HOME")
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert cache_folder() == Path("/home/somebody/.cache/modstudy")
