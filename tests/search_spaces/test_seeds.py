"""Seeds of a study that needs more than its file lists."""

import pytest

from search_spaces.seeds import continued_seeds


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
