"""Controls of long sounds are those of a clip in each window, although adapters read the time within a clip."""

from dataclasses import fields
from typing import Any

import pytest
import torch

from core.discovery.windowed_controls import frame_axis, windowed_controls
from core.discovery.windows import Windows
from core.seeding import initialise
from core.settings.synths import SynthConfig
from core.synths.base import Synth
from core.synths.build import build_synth
from tests.support.notes import AUDIO, GREY_BOX, SYNTHS


def synth_of(config: SynthConfig) -> Synth[Any]:
    synth = build_synth(config, AUDIO)
    initialise(synth, 0)
    return synth


def curves_of_frames(n_frames: int, n_sounds: int = 2) -> torch.Tensor:
    knots = torch.rand(n_sounds, 3, 6, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(knots, size=n_frames, mode="linear", align_corners=True)


def tensors(controls: Any) -> list[torch.Tensor]:
    return [getattr(controls, each.name) for each in fields(controls)]


@pytest.mark.parametrize("name", SYNTHS)
def test_controls_of_a_sound_as_long_as_a_clip_are_those_of_the_synth(name: str) -> None:
    synth, curves = synth_of(SYNTHS[name]), curves_of_frames(AUDIO.n_frames)
    windows = Windows(AUDIO.n_frames, AUDIO.n_frames, 8)
    for found, expected in zip(
        tensors(windowed_controls(synth, curves, windows)), tensors(synth.controls(curves)), strict=True
    ):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", SYNTHS)
def test_controls_of_a_long_sound_are_those_of_its_windows_where_these_do_not_overlap(name: str) -> None:
    synth, n_frames = synth_of(SYNTHS[name]), 3 * AUDIO.n_frames
    windows, curves = Windows(n_frames, AUDIO.n_frames, 8), curves_of_frames(n_frames)
    found = tensors(windowed_controls(synth, curves, windows))
    for number, start in enumerate(windows.starts):
        first = 0 if number == 0 else windows.starts[number - 1] + windows.length - start
        last = windows.length if start == windows.starts[-1] else windows.starts[number + 1] - start
        alone = tensors(synth.controls(curves[..., start : start + windows.length]))
        for whole, own in zip(found, alone, strict=True):
            assert whole.shape == (2, n_frames, *own.shape[2:])
            torch.testing.assert_close(whole[:, start + first : start + last], own[:, first:last])


def test_adapters_hear_the_time_within_a_clip_and_not_within_the_sound() -> None:
    synth, curves = synth_of(GREY_BOX), torch.full((1, 3, 3 * AUDIO.n_frames), 0.5)
    at_once, by_window = synth.controls(curves), windowed_controls(synth, curves, Windows(99, 33, 8))
    assert AUDIO.n_frames == 33
    assert (at_once.filter - by_window.filter).abs().max() > 0.01


def test_the_frames_of_a_control_are_on_the_first_axis_of_their_number() -> None:
    assert frame_axis(torch.zeros(2, 33), 33) == 1
    assert frame_axis(torch.zeros(33, 33, 33), 33) == 1
    assert frame_axis(torch.zeros(2, 4, 33), 33) == 2


def test_a_short_sound_is_the_start_of_a_clip() -> None:
    synth, curves = synth_of(GREY_BOX), curves_of_frames(9)
    held = torch.cat([curves, curves[..., -1:].expand(-1, -1, AUDIO.n_frames - 9)], -1)
    found = windowed_controls(synth, curves, Windows(9, AUDIO.n_frames, 8))
    torch.testing.assert_close(found.filter, synth.controls(held).filter[:, :9])
