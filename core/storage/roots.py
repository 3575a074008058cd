"""Roots of stores: a local folder, or a URI whose options follow a question mark.

On S3 a root is `s3://bucket/prefix`, for other servers than Amazon's
`s3://bucket/prefix?endpoint_override=HOST:PORT&scheme=http`; pyarrow.fs lists all options.
"""

import os
import re
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from core.errors import StoreError
from core.settings.value_rules import shown_text, shown_value

_PLAIN_OPTIONS = ("endpoint_override", "scheme", "region", "allow_bucket_creation", "allow_bucket_deletion")
"""Options of URIs that are no secrets."""
MAX_ROOT = 1024
"""Largest number of characters of a root; paths below it have some more, and may have 4096."""


def checked_root(root: str | Path, *, writes: bool = False) -> str:
    """A root as text, after a check that it is a folder or can be made, or may be a URI.

    Args:
        root: The root.
        writes: Whether it is written to.

    Raises:
        StoreError: it is empty or too long, has characters that no folder should have, is something else than a
            folder, or cannot be written.
    """
    text = str(root)
    if not text or len(text) > MAX_ROOT or not text.isprintable():
        raise StoreError(
            f"a root is a folder or a URI, of 1 to {MAX_ROOT} printable characters in UTF-8; got {shown_value(text)}; "
            "give another one by --root"
        )
    if is_uri(text):
        if text.startswith("s3://") and not s3_bucket(text):
            raise StoreError("a root on S3 is s3://BUCKET or s3://BUCKET/PREFIX; got no bucket; give one by --root")
        return text
    path = Path(os.path.abspath(text))  # noqa: PTH100  (a name that is too long must not raise)
    there = next(each for each in (path, *path.parents) if os.path.lexists(each))
    try:
        is_folder = there.is_dir()
    except OSError as error:
        raise StoreError(f"cannot look at the root {shown_text(text)}: {error.strerror}; give another one") from error
    if there.is_symlink() and not there.exists():
        raise StoreError(
            f"--root names a folder; {shown_text(there)} is a link to {shown_text(there.readlink())}, which does not "
            "exist: make that folder, or remove the link"
        )
    if not is_folder:
        raise StoreError(f"--root names a folder; {shown_text(there)} is none: choose another --root, or move it away")
    if writes and not os.access(there, os.W_OK | os.X_OK):
        reason = "its disk is read-only" if _is_read_only(there) else "this user lacks the permission"
        raise StoreError(
            f"{shown_text(there)} cannot be written: {reason}; choose another --root, or make the folder writable"
        )
    return text


def is_uri(root: str) -> bool:
    """Whether a root is a URI, not a path."""
    return "://" in root


def below(root: str, key: str) -> str:
    """The root of a key below another root: the key is appended to the path, in front of the options of a URI."""
    path, options = _split(root)
    return f"{path.rstrip('/')}/{key}{options}"


def shown(root: str) -> str:
    """A root for messages: without credentials and options of a URI."""
    path = _split(root)[0]
    scheme, mark, rest = path.partition("://")
    place, slash, key = rest.partition("/")
    return f"{scheme}{mark}{place.rpartition('@')[2]}{slash}{key}"


def without_credentials(root: str) -> str:
    """A root for commands that the user may type again: without credentials, and with those options that have none."""
    path, _ = _split(root)
    kept = {name: value for name, value in uri_options(root).items() if name in _PLAIN_OPTIONS} if is_uri(root) else {}
    return shown(path) + (f"?{urlencode(kept, safe=':/')}" if kept else "")


def has_credentials(uri: str) -> bool:
    """Whether a URI has a user, a password or a key in it."""
    if not is_uri(uri):
        return False
    return "@" in urlsplit(uri).netloc or any(re.search("key|secret|token|password", name) for name in uri_options(uri))


def s3_bucket(root: str) -> str:
    """Bucket of an S3 URI."""
    return urlsplit(root).netloc.rpartition("@")[2]


def s3_credentials(root: str) -> tuple[str | None, str | None]:
    """Access key and secret key in an S3 URI; None where it has none."""
    parts = urlsplit(root)
    return (
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
    )


def uri_options(root: str) -> dict[str, str]:
    """Options of a URI by name."""
    return dict(parse_qsl(urlsplit(root).query))


def _split(root: str) -> tuple[str, str]:
    """Path and options of a root; the options begin with a question mark or are empty."""
    if not is_uri(root):
        return root, ""
    path, mark, options = root.partition("?")
    return path, mark + options


def _is_read_only(folder: Path) -> bool:
    """Whether the file system of a folder is mounted read-only."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
