"""Colours and symbols of the arms."""

from dashboards.analysis.study_results import load_results
from dashboards.palette import GREY, STATIC_SYMBOL, arm_styles
from tests.support.fake_study import ARMS, FakeArm, MakeStudy


def test_42_arms_look_different(make_study: MakeStudy) -> None:
    arms = [FakeArm(name=f"arm-{i}", mss=1.0, tv=3.0) for i in range(42)]
    styles = arm_styles(load_results(make_study(arms, seeds=1, n_clips=0)).arms)
    assert len(set(styles.values())) == 42


def test_baselines_are_grey_and_static_arms_are_stars(make_study: MakeStudy) -> None:
    flat = FakeArm(name="flat", mss=1.0, tv=3.0, range=0.01)
    styles = arm_styles(load_results(make_study([*ARMS, flat], n_clips=0)).arms)
    assert {name for name, style in styles.items() if style.colour == GREY} == {"random-spline", "constant"}
    assert (styles["flat"].symbol, styles["flat"].marker) == STATIC_SYMBOL
