"""Cells are checked for feasible points before a search begins."""

import pytest

from core.errors import ConfigError
from search_spaces.dimensions import Dimension
from search_spaces.domains import choice
from search_spaces.ranges import Integer
from tests.support.searching import search_of

KIND, SEGMENTS = "parameterization.kind", "parameterization.n_segments"
KINDS = Dimension(path=KIND, domain=choice(["frame", "spline"]))
WIDTHS = Dimension(path="encoder.width", domain=choice([4, 8]))


def segments(low: int, high: int) -> Dimension:
    return Dimension(path=SEGMENTS, domain=Integer(low=low, high=high), when={KIND: ("spline",)})


def test_every_feasible_corner_of_every_cell_is_listed() -> None:
    frame, spline = search_of(WIDTHS, segments(2, 8), grid=[KINDS]).cell_checks
    assert [config.encoder.width for config in frame.configs] == [4, 8]
    assert (spline.n_corners, spline.n_infeasible, spline.problem) == (4, 0, None)
    assert {config.parameterization.kind for config in spline.configs} == {"spline"}


def test_infeasible_corners_are_counted_with_their_rule() -> None:
    frame, spline = search_of(WIDTHS, segments(2, 3000), grid=[KINDS]).cell_checks
    assert (frame.n_infeasible, spline.n_infeasible) == (0, 2)
    assert "n_segments=3000" in str(spline.problem)
    assert len(spline.configs) == 2


def test_a_cell_without_feasible_points_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"\[search\]: cell 'spline': no point of its space is feasible; .*n_segments"
    ):
        assert search_of(WIDTHS, segments(2000, 3000), grid=[KINDS]).cell_checks
