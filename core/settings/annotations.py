"""What an annotation says about a setting beside its type, range and unit."""

from dataclasses import dataclass
from typing import Literal

from annotated_types import Interval

UnitRange = Interval(ge=0.0, le=1.0)


@dataclass(frozen=True, slots=True)
class ContentPath:
    """Marks a setting that is a path or a built-in name: the content's hash enters the digest, the path does not.

    Resolving a config makes the path absolute and fills in the hash.
    """

    content: Literal["wavetable", "data folder"]
    hash_field: str
    """The field beside this one that holds the sha256 of the content."""
