"""Sealed content: it carries its own sha256, so that any changed, missing or additional byte is noticed.

JSON has the hash as its last field, and stays JSON. Other content has its 32 bytes at the end.
"""

import hashlib
import re

_TAIL = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n\}\n\Z')
_TAIL_LENGTH = 82
"""Length in bytes of the last field and the end of a sealed JSON object."""
_HASH_LENGTH = 32


def seal_json(data: bytes) -> bytes:
    """A JSON object with any fields, and the hash of all that precedes it as a further last field `sha256`."""
    body = data.rstrip()
    assert body.endswith(b"}")
    body = body[:-1].rstrip()
    return body + b',\n "sha256": "' + hashlib.sha256(body).hexdigest().encode() + b'"\n}\n'


def unseal_json(data: bytes) -> bytes:
    """The JSON object that was sealed.

    Raises:
        ValueError: the content is not as it was sealed; the message says what is wrong.
    """
    tail = _TAIL.search(data, max(0, len(data) - _TAIL_LENGTH))
    if tail is None:
        raise ValueError("it is empty" if not data else "it does not end with its sha256, so it was cut or overwritten")
    body = data[: tail.start()]
    if hashlib.sha256(body).hexdigest().encode() != tail[1]:
        raise ValueError("its content does not have the sha256 that it ends with")
    return body + b"\n}"


def has_json_seal(data: bytes) -> bool:
    """Whether JSON ends with a seal, be it the right one or not."""
    return _TAIL.search(data, max(0, len(data) - _TAIL_LENGTH)) is not None


def seal(data: bytes) -> bytes:
    """Any content, followed by its hash."""
    return data + hashlib.sha256(data).digest()


def unseal(data: bytes) -> memoryview:
    """The content that was sealed, without a copy.

    Raises:
        ValueError: the content is not as it was sealed; the message says what is wrong.
    """
    if not data:
        raise ValueError("it is empty")
    content = memoryview(data)[: max(0, len(data) - _HASH_LENGTH)]
    if hashlib.sha256(content).digest() != data[len(content) :]:
        raise ValueError("its content does not have the sha256 that it ends with")
    return content
