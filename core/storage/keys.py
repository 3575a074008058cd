"""Keys of a store: paths below its root, which nothing that a study or a file contains can lead out of it."""

import re
from pathlib import Path

from core.errors import StoreError

_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[^\x00-\x1f\x7f/\\\ud800-\udfff]{1,255}")
"""A name between two slashes."""


def check_key(key: str) -> None:
    """Check that a key names something below the root of a store.

    Raises:
        StoreError: the key is empty or absolute, or has an empty name, `.`, `..`, a backslash or a control character.
    """
    if not all(map(_SEGMENT.fullmatch, key.split("/"))):
        raise StoreError(
            "keys of a store are names between slashes, none of which is empty, '.', '..', longer than 255 characters, "
            f"or has a backslash or a control character; got {key[:200]!r}; the study is damaged or was tampered with"
        )


def check_inside(path: Path, root: Path) -> None:
    """Check that no symbolic link to a folder leads from a root to another place.

    Raises:
        StoreError: the folder of the path lies outside the root.
    """
    if not path.parent.resolve().is_relative_to(root.resolve()):
        raise StoreError(
            f"a symbolic link in {path} leads out of the study; nothing is written there: replace it by the folder, "
            "or make the whole root a link"
        )
