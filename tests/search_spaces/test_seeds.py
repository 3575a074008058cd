"""Seeds must be distinct and small enough to be stored."""

import pytest

from core.errors import ConfigError
from search_spaces.seeds import check_seeds


def test_the_smallest_and_the_largest_seed_are_admitted() -> None:
    check_seeds("seeds", (0, 2**63 - 1))


@pytest.mark.parametrize(
    ("seeds", "got"),
    [((), r"\[\]"), ((-1,), r"\[-1\]"), ((2**63,), r"\[9223372036854775808\]"), ((3, 1, 3), "3 twice")],
)
def test_others_are_refused(seeds: tuple[int, ...], got: str) -> None:
    with pytest.raises(ConfigError, match=f"seeds must be distinct non-negative integers below .*; got {got}"):
        check_seeds("seeds", seeds)
