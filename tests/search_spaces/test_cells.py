"""Cells of a search: one per combination of the grid, each with the dimensions that exist there."""

import pytest

from core.errors import ConfigError
from core.settings.presets import SMALL
from search_spaces.cells import cells_of
from search_spaces.dimensions import Dimension
from search_spaces.domains import choice
from search_spaces.options import Option
from search_spaces.ranges import LogUniform, Uniform

KIND, SYNTH, LR = "parameterization.kind", "synth.kind", "optimizer.lr"
CUTOFF, SEGMENTS, DEGREE = "parameterization.cutoff_hz", "parameterization.n_segments", "parameterization.degree"
KINDS = Dimension(path=KIND, domain=choice(["frame", Option(label="lpf", value="low_pass"), "spline"]))
SYNTHS = Dimension(path=SYNTH, domain=choice(["mod_synth", "engel"]))
RATE = Dimension(path=LR, domain=LogUniform(low=1e-4, high=1e-1))
CUTOFFS = Dimension(path=CUTOFF, domain=Uniform(low=1.0, high=8.0), when={KIND: ("lpf",)})
NUMBERS = Dimension(path=SEGMENTS, domain=choice([4, 8]), when={KIND: ("spline",)})
DEGREES = Dimension(path=DEGREE, domain=choice([1, 3]), when={KIND: ("spline",), SEGMENTS: (8,)})


def test_every_combination_is_a_cell_with_its_dimensions() -> None:
    cells = cells_of([KINDS, SYNTHS], [RATE, CUTOFFS, NUMBERS], SMALL, {})
    assert {cell.name: [dimension.path for dimension in cell.space.dimensions] for cell in cells} == {
        "frame mod_synth": [LR],
        "frame engel": [LR],
        "lpf mod_synth": [LR, CUTOFF],
        "lpf engel": [LR, CUTOFF],
        "spline mod_synth": [LR, SEGMENTS],
        "spline engel": [LR, SEGMENTS],
    }
    assert dict(cells[2].settings) == {KIND: "low_pass", SYNTH: "mod_synth"}
    assert all(not dimension.when for cell in cells for dimension in cell.space.dimensions)


def test_conditions_on_searched_dimensions_are_kept_where_they_can_hold() -> None:
    frame, _, spline = cells_of([KINDS], [RATE, NUMBERS, DEGREES], SMALL, {})
    assert [dimension.path for dimension in frame.space.dimensions] == [LR]
    assert [dict(dimension.when) for dimension in spline.space.dimensions] == [{}, {}, {SEGMENTS: (8,)}]


def test_dimensions_whose_parents_do_not_exist_in_a_cell_are_left_out() -> None:
    rate = Dimension(path=LR, domain=choice([0.1, 0.01]), when={SEGMENTS: (8,)})
    cells = cells_of([KINDS], [NUMBERS, rate], SMALL, {})
    assert [[dimension.path for dimension in cell.space.dimensions] for cell in cells] == [[], [], [SEGMENTS, LR]]


def test_arms_of_a_cell_have_the_settings_of_the_grid() -> None:
    cell = cells_of([KINDS], [RATE], SMALL, {"trainer.max_steps": 7})[2]
    point = cell.space.point_at({LR: 0.0})
    settings = cell.settings_of(point)
    assert settings == {KIND: "spline", LR: 1e-4}
    assert cell.space.config(settings).trainer.max_steps == 7
    assert cell.space.config(settings).parameterization.kind == "spline"


def test_search_without_a_grid_is_one_cell_without_a_name() -> None:
    (cell,) = cells_of([], [RATE], SMALL, {})
    assert (cell.name, dict(cell.settings)) == ("", {})


def test_grids_that_cannot_be_combined_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"search\.grid dimension optimizer\.lr has a range.*move it to"):
        cells_of([RATE], [KINDS], SMALL, {})
    with pytest.raises(ConfigError, match=r"depends on parameterization\.kind, which is searched within the cells"):
        cells_of([NUMBERS], [KINDS], SMALL, {})
    with pytest.raises(ConfigError, match=r"cutoff_hz also exists at .*give it when"):
        cells_of([KINDS], [Dimension(path=CUTOFF, domain=Uniform(low=1.0, high=8.0))], SMALL, {})
    with pytest.raises(ConfigError, match="both space dimensions|occurs twice"):
        cells_of([SYNTHS], [SYNTHS], SMALL, {})
