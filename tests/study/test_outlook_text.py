"""The outlook on a study as text."""

import pytest

from study.outlook_text import power_text, size_text
from study.planning.outlook import Power


@pytest.mark.parametrize(
    ("power", "parts"),
    [
        (Power(n_arms=1, n_objectives=2, n_seeds=4), ["4 seeds; the report compares no arms"]),
        (
            Power(n_arms=5, n_objectives=2, n_seeds=2),
            [
                "2 seeds; the report makes up to 8 comparisons: 4 arms with the first one in 2 objectives",
                "adjustment is 1: no difference can be significant at 0.05; --seeds 9 would be needed; ",
                "or declare the few that matter, as [[contrasts]]",
            ],
        ),
        (
            Power(n_arms=2, n_objectives=1, n_seeds=6),
            ["1 comparison: 1 arm with", "adjustment is 0.0312: every comparison can be significant at 0.05"],
        ),
        (
            Power(n_arms=5, n_objectives=2, n_seeds=5, n_declared=2),
            [
                "5 seeds; the report makes the 2 comparisons that the contrasts declare",
                "--seeds 7 would be needed; declare fewer contrasts",
            ],
        ),
        (Power(n_arms=2001, n_objectives=2, n_seeds=30), ["no number of seeds is enough for so many"]),
    ],
)
def test_what_the_seeds_can_show(power: Power, parts: list[str]) -> None:
    text = " ".join(power_text(power))
    for part in parts:
        assert part in text


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (999_600, "1 MB"),
        (1_234_567, "1.23 MB"),
        (5e12, "5 TB"),
        (3e18, "3,000 PB"),
    ],
)
def test_sizes_have_three_digits_and_a_unit(n_bytes: float, text: str) -> None:
    assert size_text(n_bytes) == text
