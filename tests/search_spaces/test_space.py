"""Spaces expand to exactly the combinations that a hand counts, and refuse what no config could hold."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from core.settings.dotted import nest
from core.settings.loading import apply_settings
from core.settings.presets import SMALL
from search_spaces.domains import Choice, Option, Range, choice
from search_spaces.space import Dimension, Space

KIND = "parameterization.kind"
CUTOFF = "parameterization.cutoff_hz"
SEGMENTS = "parameterization.n_segments"


def dimension(path, *values, **when):
    return Dimension(path=path, domain=choice(values), when={k.replace("__", "."): v for k, v in when.items()})


def names(*dimensions, shared=None):
    return [arm.name for arm in Space(dimensions, SMALL, shared).arms()]


def test_conditional_dimensions_expand_to_the_hand_counted_set():
    arms = Space(
        [
            dimension(KIND, "frame", Option(label="lpf", value="low_pass"), "spline"),
            dimension(CUTOFF, 4.0, 8.0, parameterization__kind=("low_pass",)),
            dimension(SEGMENTS, 8, 16, parameterization__kind=("spline",)),
        ],
        SMALL,
    ).arms()
    assert {arm.name: dict(arm.settings) for arm in arms} == {
        "frame": {KIND: "frame"},
        "lpf-4": {KIND: "low_pass", CUTOFF: 4.0},
        "lpf-8": {KIND: "low_pass", CUTOFF: 8.0},
        "spline-8": {KIND: "spline", SEGMENTS: 8},
        "spline-16": {KIND: "spline", SEGMENTS: 16},
    }


def test_a_chain_of_conditions_is_followed_whatever_the_order_of_declaration():
    dimensions = [
        dimension("synth.oscillator.n_positions", 8, 16, synth__oscillator__kind=("learnable",)),
        dimension("synth.oscillator.kind", "frozen", "learnable", synth__kind=("mod_synth",)),
        dimension("synth.kind", "mod_synth", "engel"),
    ]
    for order in itertools.permutations(dimensions):
        found = {frozenset(arm.settings.items()) for arm in Space(order, SMALL).arms()}
        assert found == {
            frozenset({("synth.kind", "engel")}),
            frozenset({("synth.kind", "mod_synth"), ("synth.oscillator.kind", "frozen")}),
            *(
                frozenset(
                    {
                        ("synth.kind", "mod_synth"),
                        ("synth.oscillator.kind", "learnable"),
                        ("synth.oscillator.n_positions", n),
                    }
                )
                for n in (8, 16)
            ),
        }


def test_groups_of_settings_are_one_value_and_conditions_name_their_labels():
    grey = Option(label="grey", value={"kind": "mod_synth", "oscillator": {"kind": "learnable"}})
    space = Space(
        [
            dimension("synth", grey, Option(label="engel", value={"kind": "engel"})),
            dimension("synth.oscillator.n_positions", 8, 16, synth=("grey",)),
        ],
        SMALL,
    )
    assert [arm.name for arm in space.arms()] == ["grey-8", "grey-16", "engel"]
    assert space.arms()[1].settings == {
        "synth.kind": "mod_synth",
        "synth.oscillator.kind": "learnable",
        "synth.oscillator.n_positions": 16,
    }


def test_names_tell_two_settings_of_one_branch_apart():
    assert names(
        dimension(KIND, "spline"),
        dimension(SEGMENTS, 8, parameterization__kind=("spline",)),
        dimension("parameterization.degree", 1, 3, parameterization__kind=("spline",)),
        dimension("encoder.width", 8),
    ) == ["spline n_segments=8 degree=1 width=8", "spline n_segments=8 degree=3 width=8"]


@st.composite
def branching_dimensions(draw):
    kinds = draw(st.lists(st.sampled_from(["frame", "low_pass", "spline"]), min_size=1, max_size=3, unique=True))
    found = [dimension(KIND, *kinds)]
    if "low_pass" in kinds:
        cutoffs = draw(st.lists(st.integers(1, 40), min_size=1, max_size=3, unique=True))
        found.append(dimension(CUTOFF, *(value / 4 for value in cutoffs), parameterization__kind=("low_pass",)))
    if "spline" in kinds:
        segments = draw(st.lists(st.integers(1, 30), min_size=1, max_size=3, unique=True))
        found.append(dimension(SEGMENTS, *segments, parameterization__kind=("spline",)))
    if draw(st.booleans()):
        found.append(
            dimension("encoder.width", *draw(st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True)))
        )
    return draw(st.permutations(found))


@settings(max_examples=40, deadline=None)
@given(branching_dimensions())
def test_every_combination_is_there_once_and_its_conditions_hold(dimensions):
    points = Space(dimensions, SMALL).points()
    by_path = {item.path: item for item in dimensions}
    brute = set()
    for values in itertools.product(*(item.domain.options for item in dimensions)):
        chosen = {item.path: option.value for item, option in zip(dimensions, values, strict=True)}
        brute.add(
            frozenset(
                (path, value)
                for path, value in chosen.items()
                if all(chosen[parent] in admitted for parent, admitted in by_path[path].when.items())
            )
        )
    found = [frozenset(point.settings.items()) for point in points]
    assert len(found) == len(set(found))
    assert set(found) == brute
    for point in points:
        apply_settings(SMALL, nest(point.settings.items()))


@pytest.mark.parametrize(
    ("dimensions", "message"),
    [
        ([dimension("encoder.widht", 8)], r"unknown setting encoder.widht; did you mean encoder.width\?"),
        ([dimension("nothing.like.it", 8)], "unknown setting nothing.like.it"),
        ([dimension("encoder.width", "wide")], r"space dimension encoder.width, value 'wide': encoder.width: .*'wide'"),
        ([dimension("encoder.width", 8, 0)], r"value '0': encoder.width: .*greater than or equal to 1; got 0"),
        ([dimension(KIND, "cubic")], "unknown parameterization.kind 'cubic'; choose one of frame, low_pass"),
        (
            [dimension(KIND, "frame", "low_pass"), dimension(CUTOFF, 4.0)],
            r"parameterization.cutoff_hz is also met at 'frame.*', but .* exists only under parameterization.kind = "
            r'low_pass; give it when = { "parameterization.kind" = "low_pass" }',
        ),
        ([dimension(SEGMENTS, 8)], "exists only under parameterization.kind = spline or random_spline; set that in"),
        (
            [
                dimension(KIND, "frame", "spline"),
                dimension("encoder.width", 8, 16, parameterization__kind=("spline",)),
                dimension("encoder.n_mels", 32, encoder__width=(8,), parameterization__kind=("frame",)),
            ],
            "space dimension encoder.n_mels: its conditions never hold together",
        ),
        (
            [
                dimension("encoder.width", 8, encoder__n_mels=(32,)),
                dimension("encoder.n_mels", 32, encoder__width=(8,)),
            ],
            "must not run in a circle; these do: encoder",
        ),
        ([dimension("encoder.width", 8, encoder__n_mels=(32,))], "depends on encoder.n_mels, that does not vary here"),
        ([dimension("encoder.width", 8, encoder__nmels=(32,))], "depends on encoder.nmels, which is no setting"),
        (
            [dimension(KIND, "frame"), dimension("encoder.width", 8, parameterization__kind=("spline",))],
            "exists when parameterization.kind = 'spline', which never is: frame",
        ),
        ([dimension("encoder.width", 8), dimension("encoder.width", 16)], "encoder.width is there twice"),
        (
            [dimension("synth", Option(label="engel", value={"kind": "engel"})), dimension("synth.kind", "engel")],
            "both space dimensions synth and synth.kind would set synth.kind",
        ),
    ],
)
def test_a_space_that_no_config_could_hold_is_refused(dimensions, message):
    with pytest.raises(ConfigError, match=message):
        Space(dimensions, SMALL)


def test_two_combinations_of_one_name_are_refused():
    twins = choice([Option(label="x", value=8)]), choice([Option(label="x", value=32), 16])
    space = Space([Dimension(path="encoder.width", domain=d) for d in twins[:1]], SMALL)
    assert [arm.name for arm in space.arms()] == ["x"]
    with pytest.raises(ConfigError, match="differ from each other; label 'x' came twice"):
        Choice((Option(label="x", value=1), Option(label="x", value=2)))


def test_a_range_is_checked_at_both_ends_and_never_expanded():
    space = Space([Dimension(path="encoder.width", domain=Range(low=4, high=32))], SMALL)
    assert not space.is_finite
    with pytest.raises(ConfigError, match=r"only lists of values expand .* encoder.width has a range"):
        space.points()
    with pytest.raises(ConfigError, match=r"value '0': encoder.width"):
        Space([Dimension(path="encoder.width", domain=Range(low=0, high=32))], SMALL)


@pytest.mark.parametrize(
    ("low", "high", "log", "message"),
    [(2, 2, False, "low < high"), (3, 2, False, "low < high"), (0.0, 1.0, True, "lies above 0")],
)
def test_an_impossible_range_is_refused(low, high, log, message):
    with pytest.raises(ConfigError, match=message):
        Range(low=low, high=high, log=log)


@pytest.mark.parametrize(("values", "message"), [([], "at least one value"), ([8, 8.0], "value 8.0 came twice")])
def test_an_impossible_choice_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        choice(values)
