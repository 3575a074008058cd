"""Names in place of paths, for texts that leave the machine, such as the tracebacks of an archive."""

import re
from collections.abc import Collection
from pathlib import PurePath

_PART = r"""[^\s/"'`<>()\[\]{}|,;:=]+"""
_START = r"(?<![\w.~/)\]}-])"
"""A place where a path may begin: not within a relative path, a ratio or a name."""
_PATH = re.compile(
    rf"""
    (?P<quote>["'`])(?P<quoted>(?:~\w*)?/[^"'`\n]+)(?P=quote)  # in quotes, where it may have blanks
    | \bhttps?://\S*                                           # no path of a machine
    | \b[a-z][\w+.-]*://(?P<uri>[^\s"'`<>()\[\]{{}}|,;]+)      # file:///home/ann/x.wav
    | {_START}(?P<bare>(?:~\w*(?:/{_PART})+|(?:/{_PART}){{2,}})/?)
    """,
    re.VERBOSE,
)
"""Absolute paths and those in a home, also as URIs; a bare path of one part, such as `/2`, is none."""


def without_folders(text: str, known: Collection[str] = ()) -> str:
    """The text with the last part of each absolute path in place of the path, as `trial.py` for `/home/ann/trial.py`.

    Args:
        text: Any text, such as a traceback.
        known: Paths that are recognised whatever characters they have.
    """
    if known:
        # Longer paths first, because others may be their beginning.
        paths = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
        text = re.sub(rf"{_START}(?:{paths})(?!\w)", lambda found: PurePath(found[0]).name, text)
    return _PATH.sub(_last_part, text)


def _last_part(found: re.Match[str]) -> str:
    """What stands in place of a path."""
    path = found["quoted"] or found["uri"] or found["bare"]
    if path is None:
        return found[0]
    quote = found["quote"] or ""
    return f"{quote}{path.rstrip('/').rpartition('/')[2]}{quote}"
