"""Clips: selection by slice and index, and names of the curves."""

from typing import Any

import pytest
import torch

from core.clips import Clips


def clips_of(**changes: Any) -> Clips:
    values: dict[str, Any] = {
        "ids": ("a", "b", "c"),
        "audio": torch.eye(3),
        "f0_hz": torch.arange(3.0),
        "q": torch.zeros(3),
        "modulation": torch.arange(6.0).view(3, 2, 1),
        "modulation_names": ("tone", "level"),
    }
    return Clips(**values | changes)


def test_clips_are_picked_by_slice_and_index() -> None:
    clips = clips_of()
    assert len(clips) == 3
    picked = clips[torch.tensor([2, 0])]
    assert picked.ids == ("c", "a")
    assert picked.modulation is not None
    assert picked.modulation.flatten().tolist() == [4, 5, 0, 1]
    assert picked.modulation_names == ("tone", "level")
    assert clips[slice(1, 9)].f0_hz.tolist() == [1.0, 2.0]


def test_declared_rates_go_with_their_clips() -> None:
    clips = clips_of(lfo_hz=torch.tensor([2.0, torch.nan, 5.0]))
    picked = clips[torch.tensor([2, 0])].to(torch.device("cpu"))
    assert picked.lfo_hz is not None
    assert picked.lfo_hz.tolist() == [5.0, 2.0]
    assert clips_of()[slice(0, 2)].lfo_hz is None


def test_unknown_curves_stay_unknown() -> None:
    clips = clips_of(modulation=None, modulation_names=())
    assert clips[slice(0, 1)].modulation is None
    assert clips.to(torch.device("cpu")).modulation is None


@pytest.mark.parametrize("changes", [{"modulation_names": ("tone",)}, {"modulation": None}])
def test_curves_need_as_many_names(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="true curves need as many names"):
        clips_of(**changes)
