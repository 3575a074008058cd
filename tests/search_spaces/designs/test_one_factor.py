"""One factor at a time: a baseline, and arms that each change one setting."""

import pytest

from core.errors import ConfigError
from core.settings.parameterizations import FrameConfig, LowPassConfig
from search_spaces.designs.one_factor import OneFactor


def test_config_objects_become_dotted_settings_below_the_path() -> None:
    arms = OneFactor(
        path="parameterization",
        baseline=LowPassConfig(cutoff_hz=8.0),
        variations={"frame": FrameConfig(), "4 Hz": LowPassConfig(cutoff_hz=4.0)},
        baseline_name="8 Hz",
    ).arms()
    assert [(arm.name, dict(arm.settings)) for arm in arms] == [
        ("8 Hz", {"parameterization.kind": "low_pass", "parameterization.cutoff_hz": 8.0}),
        ("frame", {"parameterization.kind": "frame"}),
        ("4 Hz", {"parameterization.kind": "low_pass", "parameterization.cutoff_hz": 4.0}),
    ]


def test_factor_may_be_a_plain_setting() -> None:
    arms = OneFactor(path="encoder.width", baseline=16, variations={"narrow": 8}).arms()
    assert [(arm.name, dict(arm.settings)) for arm in arms] == [
        ("baseline", {"encoder.width": 16}),
        ("narrow", {"encoder.width": 8}),
    ]


def test_without_a_path_each_arm_changes_something_else() -> None:
    design = OneFactor(
        baseline={}, variations={"narrow": {"encoder": {"width": 8}}, "slow": {"optimizer": {"lr": 1e-3}}}
    )
    assert [dict(arm.settings) for arm in design.arms()] == [{}, {"encoder.width": 8}, {"optimizer.lr": 1e-3}]


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (OneFactor(path="encoder.wdth", baseline=1, variations={"a": 2}), r"did you mean encoder.width\?"),
        (OneFactor(path="encoder.width", baseline=1), "at least one arm"),
        (OneFactor(path="encoder.width", baseline=1, variations={"baseline": 2}), "has the baseline's name"),
        (OneFactor(path="encoder.width", baseline=1, variations={"a": 2, "b": 2}), "'a' and 'b' are the same"),
        (OneFactor(path="encoder.width", baseline=1, variations={"a": 1}), "'baseline' and 'a' are the same"),
        (OneFactor(baseline=1, variations={"a": 2}), "takes tables of settings; got 1"),
    ],
)
def test_ablations_that_compare_nothing_are_refused(design: OneFactor, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        design.arms()
