"""Search spaces: exact sets of combinations, points at positions, and invalid spaces."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from core.settings.dotted import nest
from core.settings.loading import apply_settings
from core.settings.presets import SMALL
from search_spaces.dimensions import Dimension
from search_spaces.domains import Domain, choice, fixed
from search_spaces.names import check_name
from search_spaces.options import Option
from search_spaces.ranges import Integer, LogUniform, Uniform
from search_spaces.space import Space

KIND = "parameterization.kind"
CUTOFF = "parameterization.cutoff_hz"
SEGMENTS = "parameterization.n_segments"
OF_LOW_PASS = {KIND: ("low_pass",)}
OF_SPLINE = {KIND: ("spline",)}


def dimension(path: str, *values: Any, when: dict[str, tuple[Any, ...]] | None = None) -> Dimension:
    return Dimension(path=path, domain=choice(values), when=when or {})


def names(*dimensions: Dimension) -> list[str]:
    return [arm.name for arm in Space(dimensions, SMALL).arms()]


def test_conditional_dimensions_expand_to_the_hand_counted_set() -> None:
    arms = Space(
        [
            dimension(KIND, "frame", Option(label="lpf", value="low_pass"), "spline"),
            dimension(CUTOFF, 4.0, 8.0, when=OF_LOW_PASS),
            dimension(SEGMENTS, 8, 16, when=OF_SPLINE),
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


def test_conditions_can_name_values_that_are_lists() -> None:
    dilations = dimension("encoder.dilations", [1, 1], [1, 2])
    width = dimension("encoder.width", 4, 8, when={"encoder.dilations": ([1, 2],)})
    assert names(dilations, width) == ["dilations=1,1", "dilations=1,2-4", "dilations=1,2-8"]


def test_chains_of_conditions_are_followed_in_any_order_of_declaration() -> None:
    dimensions = [
        dimension("synth.oscillator.n_positions", 8, 16, when={"synth.oscillator.kind": ("learnable",)}),
        dimension("synth.oscillator.kind", "frozen", "learnable", when={"synth.kind": ("mod_synth",)}),
        dimension("synth.kind", "mod_synth", "engel"),
    ]
    learnable: dict[str, Any] = {"synth.kind": "mod_synth", "synth.oscillator.kind": "learnable"}
    expected: list[dict[str, Any]] = [
        {"synth.kind": "engel"},
        {"synth.kind": "mod_synth", "synth.oscillator.kind": "frozen"},
        {**learnable, "synth.oscillator.n_positions": 8},
        {**learnable, "synth.oscillator.n_positions": 16},
    ]
    for order in itertools.permutations(dimensions):
        found = {frozenset(arm.settings.items()) for arm in Space(order, SMALL).arms()}
        assert found == {frozenset(settings.items()) for settings in expected}


def test_group_of_settings_is_one_value_and_conditions_name_its_label() -> None:
    grey = Option(label="grey", value={"kind": "mod_synth", "oscillator": {"kind": "learnable"}})
    space = Space(
        [
            dimension("synth", grey, Option(label="engel", value={"kind": "engel"})),
            dimension("synth.oscillator.n_positions", 8, 16, when={"synth": ("grey",)}),
        ],
        SMALL,
    )
    assert [arm.name for arm in space.arms()] == ["grey-8", "grey-16", "engel"]
    assert space.arms()[1].settings == {
        "synth.kind": "mod_synth",
        "synth.oscillator.kind": "learnable",
        "synth.oscillator.n_positions": 16,
    }


def test_names_distinguish_two_settings_of_one_branch() -> None:
    assert names(
        dimension(KIND, "spline"),
        dimension(SEGMENTS, 8, when=OF_SPLINE),
        dimension("parameterization.degree", 1, 3, when=OF_SPLINE),
        dimension("encoder.width", 8),
    ) == ["spline n_segments=8 degree=1 width=8", "spline n_segments=8 degree=3 width=8"]


@st.composite
def branching_dimensions(draw: st.DrawFn) -> list[Dimension]:
    kinds = draw(st.lists(st.sampled_from(["frame", "low_pass", "spline"]), min_size=1, max_size=3, unique=True))
    found = [dimension(KIND, *kinds)]
    if "low_pass" in kinds:
        cutoffs = draw(st.lists(st.integers(1, 40), min_size=1, max_size=3, unique=True))
        found.append(dimension(CUTOFF, *(value / 4 for value in cutoffs), when=OF_LOW_PASS))
    if "spline" in kinds:
        segments = draw(st.lists(st.integers(1, 30), min_size=1, max_size=3, unique=True))
        found.append(dimension(SEGMENTS, *segments, when=OF_SPLINE))
    if draw(st.booleans()):
        widths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True))
        found.append(dimension("encoder.width", *widths))
    return draw(st.permutations(found))


def options_of(item: Dimension) -> tuple[Option, ...]:
    return item.domain.values() or ()


@settings(max_examples=40)
@given(branching_dimensions())
def test_every_combination_is_there_once_and_its_conditions_hold(dimensions: Sequence[Dimension]) -> None:
    points = Space(dimensions, SMALL).points()
    by_path = {item.path: item for item in dimensions}
    brute = set()
    for values in itertools.product(*map(options_of, dimensions)):
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


class TestPositions:
    @settings(max_examples=40)
    @given(branching_dimensions(), st.randoms(use_true_random=False))
    def test_any_positions_give_a_point_of_the_space(self, dimensions: Sequence[Dimension], random: Any) -> None:
        space = Space(dimensions, SMALL)
        points = [(list(point.options), point.settings) for point in space.points()]
        for _ in range(10):
            point = space.point_at({item.path: random.random() for item in dimensions})
            assert (list(point.options), point.settings) in points

    def test_positions_choose_and_conditions_leave_out(self) -> None:
        space = Space(
            [
                dimension(CUTOFF, 4.0, 8.0, when=OF_LOW_PASS),
                dimension(KIND, "frame", "low_pass"),
                Dimension(path="encoder.width", domain=Integer(low=1, high=9)),
            ],
            SMALL,
        )
        low_pass = space.point_at({KIND: 0.9, CUTOFF: 0.1, "encoder.width": 0.5})
        assert low_pass.settings == {CUTOFF: 4.0, KIND: "low_pass", "encoder.width": 5}
        assert list(low_pass.options) == [CUTOFF, KIND, "encoder.width"]
        frame = space.point_at({KIND: 0.1, CUTOFF: 0.1, "encoder.width": 0.0})
        assert frame.settings == {KIND: "frame", "encoder.width": 1}

    def test_corners_are_every_value_and_both_ends_of_ranges(self) -> None:
        space = Space(
            [
                dimension(KIND, "frame", "low_pass"),
                Dimension(path=CUTOFF, domain=Uniform(low=2.0, high=8.0), when=OF_LOW_PASS),
            ],
            SMALL,
        )
        assert [point.settings for point in space.corners()] == [
            {KIND: "frame"},
            {KIND: "low_pass", CUTOFF: 2.0},
            {KIND: "low_pass", CUTOFF: 8.0},
        ]

    def test_a_space_of_many_dimensions_has_the_corners_next_to_its_first_ones(self) -> None:
        names_of_settings = ("width", "n_mels", "n_fft", "head_hidden", "kernel_mel", "kernel_time", "stride")
        many = [
            dimension(KIND, "frame", "spline"),
            dimension(SEGMENTS, 4, 8, when=OF_SPLINE),
            *(dimension(f"encoder.{name}", *range(16, 21)) for name in names_of_settings),
        ]
        corners = Space(many, SMALL).corners()
        assert len(corners) == (1 + 4 * 7) + (1 + 1 + 4 * 7)
        assert len({repr(point.settings) for point in corners}) == len(corners)
        first = {f"encoder.{name}": 16 for name in names_of_settings}
        for point in corners:
            assert (SEGMENTS in point.options) == (point.settings[KIND] == "spline")
            changed = [path for path, value in first.items() if point.settings[path] != value]
            assert len(changed) + (point.settings.get(SEGMENTS) == 8) <= 1
        values = {(path, value) for point in corners for path, value in point.settings.items()}
        assert values >= {(path, value) for path in first for value in range(16, 21)}


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
            r"parameterization.cutoff_hz also exists at 'frame.*', but .* exists only under parameterization.kind = "
            r'low_pass; give it when = { "parameterization.kind" = "low_pass" }',
        ),
        (
            [dimension(SEGMENTS, 8)],
            "exists only under parameterization.kind = spline or b_spline or .*random_spline; set that in",
        ),
        (
            [
                dimension(KIND, "frame", "spline"),
                dimension("encoder.width", 8, 16, when=OF_SPLINE),
                dimension("encoder.n_mels", 32, when={"encoder.width": (8,), KIND: ("frame",)}),
            ],
            "space dimension encoder.n_mels: its conditions never hold together",
        ),
        (
            [
                dimension("encoder.width", 8, when={"encoder.n_mels": (32,)}),
                dimension("encoder.n_mels", 32, when={"encoder.width": (8,)}),
            ],
            "must not be cyclic; these are: encoder",
        ),
        (
            [dimension("encoder.width", 8, when={"encoder.n_mels": (32,)})],
            "depends on encoder.n_mels, which does not vary here",
        ),
        (
            [dimension("encoder.width", 8, when={"encoder.nmels": (32,)})],
            "depends on encoder.nmels, which is no setting",
        ),
        (
            [dimension(KIND, "frame"), dimension("encoder.width", 8, when=OF_SPLINE)],
            "exists when parameterization.kind = 'spline', which is not among its values: frame",
        ),
        (
            [
                Dimension(path="encoder.width", domain=Integer(low=1, high=9)),
                dimension("encoder.n_mels", 32, when={"encoder.width": (8,)}),
            ],
            "depends on encoder.width, which is a range; a condition needs values",
        ),
        ([dimension("encoder.width", 8), dimension("encoder.width", 16)], "encoder.width occurs twice"),
        (
            [dimension("synth", Option(label="engel", value={"kind": "engel"})), dimension("synth.kind", "engel")],
            "both space dimensions synth and synth.kind would set synth.kind",
        ),
    ],
)
def test_spaces_that_no_config_fits_are_refused(dimensions: Sequence[Dimension], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Space(dimensions, SMALL)


def test_two_combinations_of_one_name_are_refused() -> None:
    one = [dimension("encoder.width", Option(label="x", value=8))]
    assert names(*one) == ["x"]
    pairs = [
        dimension("encoder.width", Option(label="x", value=8), Option(label="x y", value=16)),
        dimension("encoder.n_mels", Option(label="y z", value=32), Option(label="z", value=64)),
    ]
    with pytest.raises(ConfigError, match="two combinations are both named 'x y z'; give their values different"):
        names(*pairs)


def test_a_finite_range_expands_to_its_numbers() -> None:
    width = Dimension(path="encoder.width", domain=Integer(low=4, high=12, step=4))
    rate = Dimension(path="optimizer.lr", domain=Uniform(low=0.001, high=0.002, step=0.001))
    assert [arm.name for arm in Space([width, rate], SMALL).arms()] == [
        f"width={width} lr={lr}" for width in (4, 8, 12) for lr in (0.001, 0.002)
    ]


def test_a_range_of_real_numbers_is_never_expanded() -> None:
    space = Space([Dimension(path="optimizer.lr", domain=Uniform(low=1e-3, high=1e-2))], SMALL)
    with pytest.raises(ConfigError, match=r"only finite domains expand .* optimizer.lr has a range of real numbers"):
        space.points()


@pytest.mark.parametrize(
    ("path", "domain", "message"),
    [
        (
            "encoder.width",
            Uniform(low=4, high=32),
            "space dimension encoder.width: the setting takes whole numbers only; got a range from 4 to 32 of real",
        ),
        ("encoder.width", LogUniform(low=4, high=32), "the setting takes whole numbers only"),
        (
            "encoder.width",
            Integer(low=0, high=32),
            "encoder.width, low = 0: .*or equal to 1; got 0; raise low",
        ),
        ("trainer.curriculum_share", Uniform(low=0.5, high=1.5), "high = 1.5: .*less than or equal to 1.*; lower high"),
        ("optimizer.lr", Uniform(low=0, high=1), "low = 0: .*greater than 0; got 0; raise low"),
        ("optimizer.beta1", Uniform(low=0.5, high=1), "high = 1: .*less than 1; got 1; lower high"),
        ("encoder.precision", Uniform(low=0, high=1), "the setting is no number, so a range from 0 to 1 does not fit"),
        ("encoder.dilations", Integer(low=0, high=1), "the setting is no number"),
        ("encoder", Integer(low=0, high=1), "this is a group of settings, and a range needs a number; give `values`"),
        ("synth.kind", Integer(low=0, high=1), "the setting is no number"),
        ("encoder.precision", choice(["fp32", "fp16"]), "value 'fp16': .*'fp32' or 'bf16'; got 'fp16'; correct or"),
        ("encoder.precision", fixed("fp16"), "value 'fp16': .*'fp32' or 'bf16'; got 'fp16'; correct or remove it"),
        ("encoder.width", choice([8, 8.5]), "value '8.5': encoder.width: .*whole number; got 8.5"),
        ("encoder.width", choice([8, True]), "value 'true': encoder.width: a number or text is needed; got True"),
    ],
)
def test_domains_that_do_not_fit_their_setting_are_refused(path: str, domain: Domain, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Space([Dimension(path=path, domain=domain)], SMALL)


@pytest.mark.parametrize(
    ("path", "domain"),
    [
        ("encoder.precision", choice(["fp32", "bf16"])),
        ("encoder.dilations", choice([[1, 2], [1, 4, 16]])),
        ("optimizer.lr", Integer(low=1, high=3)),
        ("parameterization.kind", fixed("frame")),
        ("synth", choice([Option(label="engel", value={"kind": "engel"})])),
        ("data.wavetable", choice(["sine_to_saw"])),
        ("device", choice(["cpu", "auto"])),
        ("seed", Integer(low=0, high=9)),
    ],
)
def test_any_numeric_or_choice_setting_can_be_a_dimension(path: str, domain: Domain) -> None:
    space = Space([Dimension(path=path, domain=domain)], SMALL)
    for point in space.points():
        space.config(point.settings)
    assert len(space.points()) == space.n_points() == domain.size


def test_the_number_of_points_is_known_without_listing_them() -> None:
    huge = [
        dimension(KIND, "frame", "spline"),
        Dimension(path=SEGMENTS, domain=Integer(low=1, high=1000), when=OF_SPLINE),
        Dimension(path="trainer.max_steps", domain=Integer(low=1, high=10_000)),
        Dimension(path="encoder.n_mels", domain=Integer(low=16, high=1015)),
    ]
    space = Space(huge, SMALL)
    assert space.n_points() == (1 + 1000) * 10_000 * 1000
    with pytest.raises(ConfigError, match=r"the space has 10,010,000,000 combinations; at most 100,000 are listed"):
        space.points()


def test_names_are_legal_whatever_the_labels() -> None:
    (arm,) = Space([dimension("data.wavetable", "../tables/a b.wav")], SMALL).arms()
    assert arm.name == "tables_a b.wav"
    long = [dimension(f"encoder.{name}", Option(label=f"{name} " + "x" * 40, value=4)) for name in ("width", "stride")]
    others = [dimension("encoder.head_hidden", Option(label="y" * 40, value=2), Option(label="y" * 41, value=3))]
    first, second = Space([*long, *others], SMALL).arms()
    assert first.name != second.name
    for arm in (first, second):
        check_name("an arm", arm.name)
        assert arm.name.startswith("width xxx")
