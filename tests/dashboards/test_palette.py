"""Colours and symbols of the arms."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from core.settings.parameterizations import FrameConfig, LowPassConfig, SplineConfig
from dashboards.analysis.study_results import load_results
from dashboards.palette import GREY, STATIC_SYMBOL, arm_colour, arm_styles, family_hue
from tests.support.fake_study import ARMS, FakeArm, MakeStudy

CUTOFFS = (0.5, 1, 2, 4, 8, 16, 32, 60)
SEGMENTS = (1, 2, 4, 8, 9, 16, 32, 64)
PAPERS = ("#ffffff", "#14171a")
"""Background of the light and of the dark theme."""
# Linear RGB as it appears without long and without medium cones (Machado, Oliveira, Fernandes, 2009, severity 1).
PROTANOPIA = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
DEUTERANOPIA = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))


def config(kind: str, synth: str = "mod_synth", **settings: object) -> dict[str, object]:
    parameterization = {f"parameterization.{name}": value for name, value in {"kind": kind, **settings}.items()}
    return parameterization | {"synth.kind": synth, "trainer.max_steps": 300}


ALL = [
    each
    for synth in ("mod_synth", "engel")
    for each in (
        config("frame", synth),
        *(config("low_pass", synth, cutoff_hz=cutoff) for cutoff in CUTOFFS),
        *(config("spline", synth, n_segments=segments) for segments in SEGMENTS),
    )
]


def linear(colour: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    encoded = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("paper", PAPERS)
def test_every_colour_stands_out_from_the_page(paper: str) -> None:
    assert min(contrast(colour, paper) for colour in (GREY, *map(arm_colour, ALL))) >= 3


def test_arms_that_differ_have_different_colours() -> None:
    assert len({arm_colour(each) for each in ALL}) == len(ALL)


@pytest.mark.parametrize(
    "arms",
    [
        [config("low_pass", cutoff_hz=cutoff) for cutoff in CUTOFFS],
        [config("spline", n_segments=segments) for segments in SEGMENTS],
    ],
)
def test_a_larger_main_setting_is_a_lighter_shade_of_the_same_hue(arms: list[dict[str, object]]) -> None:
    shades = [luminance(arm_colour(each)) for each in arms]
    assert shades == sorted(shades)
    assert len(set(map(family_hue, arms))) == 1


def test_a_setting_outside_the_family_changes_the_colour_a_little() -> None:
    one = config("spline", n_segments=8)
    other = {**one, "trainer.max_steps": 400}
    assert arm_colour(one) != arm_colour(other)
    assert np.abs(linear(arm_colour(one)) - linear(arm_colour(other))).max() < 0.15


def test_seed_and_device_do_not_change_the_colour() -> None:
    one = config("spline", n_segments=8)
    assert arm_colour({**one, "seed": 3, "device": "cuda"}) == arm_colour({**one, "seed": 4, "device": "cpu"})


def test_the_families_of_a_synth_differ_with_colour_blindness() -> None:
    for synth in ("mod_synth", "engel"):
        families = [config(kind, synth) for kind in ("frame", "low_pass", "spline")]
        for cones in (np.eye(3), PROTANOPIA, DEUTERANOPIA):
            seen = [np.cbrt(np.asarray(cones) @ linear(arm_colour(each))) for each in families]
            for one, other in itertools.combinations(seen, 2):
                assert math.dist(one, other) > 0.1


def test_a_kind_that_is_not_built_in_has_a_hue_of_its_name() -> None:
    assert arm_colour(config("wavelet")) == arm_colour(config("wavelet")) != arm_colour(config("fourier"))


def test_an_arm_has_the_same_colour_in_all_studies(make_study: MakeStudy) -> None:
    arms = [
        FakeArm(name="frame", mss=0.7, tv=22.0, parameterization=FrameConfig()),
        FakeArm(name="lpf-8", mss=0.8, tv=8.0, parameterization=LowPassConfig(cutoff_hz=8.0)),
        FakeArm(name="spline-8", mss=0.9, tv=3.0, parameterization=SplineConfig(n_segments=8)),
    ]
    renamed = replace(arms[2], name="calm", mss=0.4)
    one, other = (
        arm_styles(load_results(make_study(some, n_clips=0, name=name)).arms)
        for name, some in (("one", arms), ("other", [renamed, *ARMS[5:], arms[0]]))
    )
    assert one["spline-8"].colour == other["calm"].colour
    assert one["frame"].colour == other["frame"].colour
    assert len({style.colour for style in one.values()}) == 3


def test_42_arms_look_different(make_study: MakeStudy) -> None:
    arms = [
        FakeArm(name=f"arm-{i}", mss=1.0, tv=3.0, parameterization=SplineConfig(n_segments=i + 1)) for i in range(42)
    ]
    styles = arm_styles(load_results(make_study(arms, seeds=1, n_clips=0)).arms)
    assert len(set(styles.values())) == 42


def test_baselines_are_grey_and_static_arms_are_stars(make_study: MakeStudy) -> None:
    flat = FakeArm(name="flat", mss=1.0, tv=3.0, range=0.01)
    styles = arm_styles(load_results(make_study([*ARMS, flat], n_clips=0)).arms)
    assert {name for name, style in styles.items() if style.colour == GREY} == {"random-spline", "constant"}
    assert (styles["flat"].symbol, styles["flat"].marker) == STATIC_SYMBOL
