"""The caveat on the number of seeds."""

import pytest

from dashboards.analysis.seed_caveat import seed_caveat


@pytest.mark.parametrize(
    ("n", "words"),
    [(0, "nothing to compare"), (1, "not as evidence"), (2, "indication, not evidence"), (5, "cannot reach p < 0.05")],
)
def test_few_seeds_come_with_a_warning(n: int, words: str) -> None:
    assert words in seed_caveat(n)


def test_enough_seeds_come_without_one() -> None:
    assert "evidence" not in seed_caveat(8)
