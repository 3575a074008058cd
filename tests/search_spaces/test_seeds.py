"""Seeds are distinct and small enough to be stored, and go on where a study needs more than its file lists."""

import pytest

from core.errors import ConfigError
from search_spaces.seeds import check_seeds, continued_seeds


def test_the_smallest_and_the_largest_seed_are_admitted() -> None:
    check_seeds("seeds", (0, 2**63 - 1))


@pytest.mark.parametrize(
    ("seeds", "got"),
    [((), r"\[\]"), ((-1,), r"\[-1\]"), ((2**63,), r"\[9223372036854775808\]"), ((3, 1, 3), "3 twice")],
)
def test_others_are_refused(seeds: tuple[int, ...], got: str) -> None:
    with pytest.raises(ConfigError, match=f"seeds must be distinct non-negative integers below .*; got {got}"):
        check_seeds("seeds", seeds)


@pytest.mark.parametrize(
    ("seeds", "n_seeds", "skipped", "expected"),
    [
        ((0, 1), 2, (), (0, 1)),
        ((0, 1, 2), 2, (), (0, 1)),
        ((5, 2), 4, (), (5, 2, 6, 7)),
        ((998,), 4, (1000, 1001), (998, 999, 1002, 1003)),
    ],
)
def test_seeds_go_on_above_the_largest_and_around_those_of_a_search(
    seeds: tuple[int, ...], n_seeds: int, skipped: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    assert continued_seeds(seeds, n_seeds, skipped) == expected
