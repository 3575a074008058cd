"""Suggestions for misspelt names in error messages."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str, prefix: str = "") -> str:
    """The text `did you mean PREFIXname?` for the closest known name, or `otherwise` if no name is close."""
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {prefix}{matches[0]}?" if matches else otherwise
