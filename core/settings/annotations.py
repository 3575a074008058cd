"""Annotations for settings: the unit range, and the mark of a setting that names a file, folder or wavetable."""

from dataclasses import dataclass
from typing import Literal

from annotated_types import Interval

UnitRange = Interval(ge=0.0, le=1.0)
"""Admits values in 0..1."""


@dataclass(frozen=True, slots=True)
class ContentPath:
    """Marks a setting that is a path or a built-in name; the hash of the content enters the digest, the path does not.

    Resolving a config makes the path absolute and fills in the hash.
    """

    content: Literal["wavetable", "data folder"]
    """The kind of content, which determines how it is hashed."""
    hash_field: str
    """Name of the field of the same config that contains the sha256 of the content."""
