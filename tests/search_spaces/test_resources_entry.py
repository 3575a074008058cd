"""Resources of some arms in a study file: what they may be, and which arms they are for."""

from typing import Any

import pytest

from core.errors import ConfigError
from search_spaces.resources_entry import ResourcesEntry
from search_spaces.study_parsing import parse_study
from tests.support.tiny_study import SEARCH, tiny_study


def study_with(*entries: dict[str, Any], **changes: Any) -> tuple[ResourcesEntry, ...]:
    study = tiny_study(resources=list(entries), **changes)
    study.named_arms()
    assert parse_study(study.to_settings()) == study
    return study.resources


def test_entries_are_read_and_apply_by_name() -> None:
    (entry,) = study_with({"arms": ["lpf-?", "frame"], "cpus": 2, "gpus": 0, "memory_gib": 0.5})
    assert entry == ResourcesEntry(arms=("lpf-?", "frame"), cpus=2.0, gpus=0.0, memory_gib=0.5)
    assert [entry.applies_to(arm) for arm in ("lpf-8", "frame", "lpf-12", "Frame")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"arms": ["frame"]}, r"\[\[resources\]\] names arms and at least one of cpus, gpus and memory_gib"),
        ({"arms": [], "cpus": 1}, r"\[\[resources\]\] names arms and at least one"),
        ({"arms": ["frame"], "cpus": 0}, "resources.0.cpus: must be greater than 0; got 0"),
        ({"arms": ["frame"], "cpus": 1.5}, "resources of arms frame: cpus above 1 is a whole number; got 1.5"),
        ({"arms": ["frame"], "gpus": -1}, "resources.0.gpus: must be greater than or equal to 0; got -1"),
        ({"arms": ["frame"], "gpus": 2.5}, "resources of arms frame: gpus above 1 is a whole number; got 2.5"),
        ({"arms": ["frame"], "memory_gib": -1}, "resources.0.memory_gib: must be greater than 0; got -1"),
        ({"arms": ["frame"], "memory": 1}, r"unknown key resources\[0\].memory in a study file; did you mean"),
        ({"arms": ["wide*"], "cpus": 1}, r"arms = \['wide\*'\] names no arm of this study; its arms are lpf-8, frame"),
    ],
)
def test_a_mistake_is_one_error(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        study_with(entry)


def test_arms_of_a_search_need_not_be_known() -> None:
    assert study_with({"arms": ["search*"], "cpus": 2}, search=SEARCH)[0].cpus == 2
