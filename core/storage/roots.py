"""Roots of stores: a local folder, or a URI whose options follow a question mark.

On S3 a root is `s3://bucket/prefix`, for other servers than Amazon's
`s3://bucket/prefix?endpoint_override=HOST:PORT&scheme=http`; pyarrow.fs lists all options.
"""

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from core.errors import StoreError
from core.settings.value_rules import shown_text, shown_value

MAX_ROOT = 1024
"""Largest number of characters of a root; paths below it have some more, and may have 4096."""


def checked_root(root: str | Path) -> str:
    """A root as text, after a check that it can be the folder of studies, or may be a URI.

    Raises:
        StoreError: it is empty or too long, has characters that no folder should have, or is something else than a
            folder.
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
    try:
        is_other = os.path.lexists(text) and not Path(text).is_dir()
    except OSError as error:
        raise StoreError(f"cannot look at the root {shown_text(text)}: {error.strerror}; give another one") from error
    if is_other:
        raise StoreError(f"a root is a folder, and {shown_text(text)} is none; give another one by --root")
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
