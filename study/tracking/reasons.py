"""Reasons for failures of a tracker, as they are shown to the user."""

import re

_PASSWORD = re.compile(r"(?<=://)([^/@\s:]+):[^/@\s]+@")
"""User and password in a URI."""


def reason_of(error: Exception) -> str:
    """The first line of an error, or its type if it has no text; without passwords."""
    return without_passwords((str(error).strip() or type(error).__name__).splitlines()[0])


def without_passwords(text: str) -> str:
    """A text without the passwords of the URIs in it."""
    return _PASSWORD.sub(r"\1:***@", text)
