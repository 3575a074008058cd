"""Reasons for failures of a tracker, as they are shown to the user."""

import re

_PASSWORD = re.compile(r"(?<=://)([^/@\s:]+):[^/@\s]+@")
"""User and password in a URI."""


_NO_ANSWER = re.compile(r"API request to .*\(read timeout=(\d+)\)")
"""MLflow's error if a server takes a request, and does not answer it."""
_NO_CONNECTION = re.compile(r"API request to .*\[Errno -?\d+\] ([^\"'()]+)")
"""MLflow's error if a server cannot be reached."""


def reason_of(error: Exception) -> str:
    """The first line of an error, or its type if it has no text; without passwords."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    if found := _NO_ANSWER.match(text):
        return f"it takes requests, but does not answer them within {found[1]} s"
    if found := _NO_CONNECTION.match(text):
        return f"it cannot be reached: {found[1].strip().lower()}"
    return without_passwords(text)


def without_passwords(text: str) -> str:
    """A text without the passwords of the URIs in it."""
    return _PASSWORD.sub(r"\1:***@", text)
