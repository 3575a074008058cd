"""Dimensions: config paths that vary in a search space."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from search_spaces.domains import Domain


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A dimension of a search space: a config path, its domain, and the conditions under which it exists."""

    path: str
    domain: Domain
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Values or labels of other dimensions, by path, under which this dimension exists."""
