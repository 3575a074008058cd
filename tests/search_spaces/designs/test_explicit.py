"""Explicit arms, which may start from the settings of another arm."""

from typing import Any

import pytest

from core.errors import ConfigError
from search_spaces.designs.explicit import ExplicitArm, ExplicitArms


def arm(name: str, like: str | None = None, config: dict[str, Any] | None = None) -> ExplicitArm:
    return ExplicitArm(name=name, like=like, config=config or {})


def test_arms_are_in_the_order_of_the_list_with_dotted_settings() -> None:
    arms = ExplicitArms([arm("b", config={"encoder": {"width": 8}}), arm("a", config={"encoder.n_mels": 32})]).arms()
    assert [(each.name, dict(each.settings)) for each in arms] == [
        ("b", {"encoder.width": 8}),
        ("a", {"encoder.n_mels": 32}),
    ]


def test_arms_start_from_other_arms_at_any_depth_and_place() -> None:
    arms = ExplicitArms(
        [
            arm("c", "b", {"encoder": {"width": 2}}),
            arm("a", config={"encoder": {"width": 8, "n_mels": 32}}),
            arm("b", "a", {"encoder": {"width": 4, "n_fft": 128}}),
        ]
    ).arms()
    assert dict(arms[0].settings) == {"encoder.width": 2, "encoder.n_mels": 32, "encoder.n_fft": 128}
    assert dict(arms[2].settings) == {"encoder.width": 4, "encoder.n_mels": 32, "encoder.n_fft": 128}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([arm("a"), arm("b", "aa")], r"arm 'b' is like 'aa', which is not an explicit arm; did you mean a\?"),
        ([arm("a", "a")], "must not be cyclic: a -> a"),
        ([arm("a", "b"), arm("b", "c"), arm("c", "a")], "must not be cyclic: a -> b -> c -> a"),
    ],
)
def test_arms_like_none_or_themselves_are_refused(entries: list[ExplicitArm], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ExplicitArms(entries).arms()
