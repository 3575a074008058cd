"""Hints for a misspelt name, the same wherever one is refused."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str, prefix: str = "") -> str:
    """`did you mean PREFIXname?` with the closest known name, else the sentence `otherwise`."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {prefix}{close[0]}?" if close else otherwise
