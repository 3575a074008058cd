"""The user's cache folder, for files that can be recreated and may be deleted at any time."""

import hashlib
import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder `modstudy` in XDG_CACHE_HOME, by default in `~/.cache`; it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modstudy"


def sealed(content: bytes) -> bytes:
    """Content of a small cache file, after a line with its sha256."""
    return hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def unsealed(data: bytes) -> bytes:
    """The content of a file of `sealed`.

    Raises:
        ValueError: the content has another hash.
    """
    sha256, _, content = data.partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != sha256:
        raise ValueError("its content does not match its hash")
    return content
