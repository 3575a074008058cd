"""Leave one component out: a full arm, and one without each component."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from search_spaces.designs.leave_one_out import LeaveOneOut

COMPONENTS: dict[str, dict[str, Any]] = {
    "curriculum": {"trainer": {"curriculum_share": 0.0}},
    "averaging": {"optimizer.averaging_power": 0.0},
    "deltas and depth": {"encoder.delta_window_s": 0.01, "encoder.dilations": [1]},
}


def test_each_arm_lacks_one_component() -> None:
    design = LeaveOneOut(components=COMPONENTS, full={"encoder": {"width": 32}})
    assert design.n_arms == 4
    assert [(arm.name, dict(arm.settings)) for arm in design.arms()] == [
        ("full", {"encoder.width": 32}),
        ("without curriculum", {"encoder.width": 32, "trainer.curriculum_share": 0.0}),
        ("without averaging", {"encoder.width": 32, "optimizer.averaging_power": 0.0}),
        (
            "without deltas and depth",
            {"encoder.width": 32, "encoder.delta_window_s": 0.01, "encoder.dilations": [1]},
        ),
    ]


PATHS = [f"group.setting_{index}" for index in range(12)]


@given(st.data())
def test_every_arm_differs_from_the_full_one_in_exactly_one_component(data: st.DataObject) -> None:
    paths = data.draw(st.permutations(PATHS))
    n_components = data.draw(st.integers(1, 6))
    components = {f"c{i}": dict.fromkeys(paths[2 * i : 2 * i + 2], "off") for i in range(n_components)}
    full = dict.fromkeys(data.draw(st.lists(st.sampled_from(PATHS), unique=True)), "on")
    first, *others = LeaveOneOut(components=components, full=full).arms()
    assert dict(first.settings) == full
    assert len(others) == n_components
    for name, arm in zip(components, others, strict=True):
        changed = {path for path, value in arm.settings.items() if full.get(path) != value}
        assert changed == set(components[name])
        assert {path for path in full if path not in arm.settings} == set()


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (LeaveOneOut(components={}), "needs at least one; got none; name them: components = "),
        (
            LeaveOneOut(components={"a": {"x.y": 0}}, full={"x": {"y": 0}}),
            "removing the component 'a' changes nothing",
        ),
        (LeaveOneOut(components={"a": {}}), "removing the component 'a' changes nothing"),
        (
            LeaveOneOut(components={"a": {"x.y": 0}, "b": {"x": {"y": 1, "z": 2}}}),
            "the components 'a' and 'b' both set x.y",
        ),
    ],
)
def test_ablations_that_remove_nothing_or_more_than_one_are_refused(design: LeaveOneOut, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        design.arms()
