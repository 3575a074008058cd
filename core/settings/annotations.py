"""Annotations for settings: common ranges and lengths, and the mark of one that names a file, folder or wavetable."""

from dataclasses import dataclass
from typing import Literal

from annotated_types import Interval, MaxLen

UnitRange = Interval(ge=0.0, le=1.0)
"""Admits values in 0..1."""
SeedRange = Interval(ge=0, le=2**63 - 1)
"""Admits seeds, which are stored as whole numbers of 64 bits."""
StepRange = Interval(ge=1, le=1_000_000_000)
"""Admits numbers of training steps, also far more than any training has, which means never."""
PathLength = MaxLen(4096)
"""Admits paths, which are no longer on Linux."""
HashLength = MaxLen(64)
"""Admits hashes in hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class ContentPath:
    """Marks a setting that is a path or a built-in name; the hash of the content enters the digest, the path does not.

    Resolving a config makes the path absolute and fills in the hash.
    """

    content: Literal["wavetable", "LFO shapes", "data folder"]
    """The kind of content, which determines how it is hashed."""
    hash_field: str
    """Name of the field of the same config that contains the sha256 of the content."""
