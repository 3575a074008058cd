"""Roots of stores: a local folder, or a URI whose options follow a question mark.

On S3 a root is `s3://bucket/prefix`, for other servers than Amazon's
`s3://bucket/prefix?endpoint_override=HOST:PORT&scheme=http`; pyarrow.fs lists all options.
"""

import re
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

_PLAIN_OPTIONS = ("endpoint_override", "scheme", "region", "allow_bucket_creation", "allow_bucket_deletion")
"""Options of URIs that are no secrets."""


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
