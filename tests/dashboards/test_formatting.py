"""Numbers, directions and lists as text."""

import pytest

from core.statistics.paired import Estimate
from core.storage.records import Objective
from dashboards.formatting import arrow, axis, better, interval, join_names, number, short, signed


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.0, "0"), (0.83417, "0.834"), (12.0, "12.0"), (123.4, "123"), (1234.5, "1,234"), (-0.5, "-0.500")],
)
def test_numbers_have_three_significant_digits(value: float | None, text: str) -> None:
    assert number(value) == text


def test_an_interval_needs_two_seeds() -> None:
    assert interval(Estimate(0.5, 0.25, 0.75, 2)) == "0.500 [0.250, 0.750]"
    assert interval(Estimate(0.5, None, None, 1)) == "0.500"
    assert interval(None) == "–"


def test_differences_have_a_sign() -> None:
    assert [signed(value) for value in (1.5, -1.5, 0.0)] == ["+1.50", "-1.50", "0"]


def test_names_are_listed_as_in_a_sentence() -> None:
    assert [join_names(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "none",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_settings_are_short() -> None:
    assert (
        short({"train": 512, "rate": 0.5, "sizes": [1, 2], "seed": None})
        == "train 512, rate 0.5, sizes 1, 2, seed unset"
    )


def test_an_axis_has_the_catalogues_direction_and_unit() -> None:
    tv, pcc = axis("interpretability.tv.add"), axis("curves.pcc.lls3")
    assert (tv.direction, tv.label, tv.group) == ("minimize", "interpretability.tv.add (1/s)", "interpretability")
    assert (better(tv.direction), arrow(tv.direction)) == ("smaller is better", " ↓")
    assert (better(pcc.direction), arrow(pcc.direction)) == ("larger is better", " ↑")


def test_an_objective_sets_the_direction_of_a_neutral_metric() -> None:
    spread = axis("interpretability.range")
    assert (spread.objective, better(spread.direction), arrow(spread.direction)) == (None, "neither way is better", "")
    objective = Objective(metric="interpretability.range", direction="maximize")
    assert axis("interpretability.range", (objective,)).objective == objective


def test_a_metric_outside_the_catalogue_is_neutral() -> None:
    novel = axis("novel.metric")
    assert (novel.direction, novel.label, novel.group) == ("neutral", "novel.metric", "novel")
