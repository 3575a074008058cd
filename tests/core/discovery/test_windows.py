"""Windows of long sounds: they cover the sound, and their curves join without a step."""

from itertools import pairwise

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from core.discovery.windows import Windows
from core.errors import ConfigError


@st.composite
def layouts(draw: st.DrawFn) -> Windows:
    length = draw(st.integers(4, 60))
    return Windows(n_frames=draw(st.integers(1, 400)), length=length, overlap=draw(st.integers(2, length // 2)))


@given(layouts())
@example(Windows(n_frames=16, length=10, overlap=5))  # three windows over frames 6 to 9
def test_equal_curves_join_to_the_same_curve(windows: Windows) -> None:
    whole = torch.linspace(0, 1, max(windows.n_frames, windows.length))
    parts = torch.stack([whole[start : start + windows.length] for start in windows.starts])[:, None]
    torch.testing.assert_close(windows.join(parts)[0], whole[: windows.n_frames])


@given(layouts())
def test_neighbours_overlap_and_the_last_window_ends_with_the_sound(windows: Windows) -> None:
    starts = windows.starts
    assert starts[0] == 0
    assert all(a + windows.length - b >= windows.overlap for a, b in pairwise(starts))
    assert len(starts) == 1 or starts[-1] + windows.length == windows.n_frames


def test_curves_that_disagree_join_without_a_step() -> None:
    windows = Windows(n_frames=2561, length=257, overlap=64)
    curves = torch.arange(len(windows.starts), dtype=torch.float32)[:, None, None].remainder(2).expand(-1, 1, 257)
    steps = windows.join(curves)[0].diff().abs()
    # A squared sine over 64 frames rises by at most pi / 2 / 63 a frame.
    assert steps.max() <= 1.05 * torch.pi / 2 / 63


def test_sounds_are_cut_where_their_windows_are() -> None:
    windows = Windows(n_frames=101, length=41, overlap=10)
    audio = torch.arange(100 * 5, dtype=torch.float32)
    for start, sound in zip(windows.starts, windows.cut(audio, 5), strict=True):
        torch.testing.assert_close(sound, audio[start * 5 : start * 5 + 200])


def test_curves_are_cut_where_their_windows_are_and_join_to_themselves() -> None:
    windows = Windows(n_frames=101, length=41, overlap=10)
    curves = torch.rand(3, 101, generator=torch.Generator().manual_seed(0))
    parts = windows.parts(curves)
    assert parts.shape == (3, len(windows.starts), 41)
    torch.testing.assert_close(windows.join(parts.transpose(0, 1)), curves)
    short = Windows(n_frames=11, length=41, overlap=10)
    assert (short.parts(curves[:, :11])[:, 0, 11:] == curves[:, 10:11]).all()


def test_a_short_sound_has_one_window_filled_with_silence() -> None:
    windows = Windows(n_frames=11, length=41, overlap=10)
    (sound,) = windows.cut(torch.ones(50), 5)
    assert sound.sum() == 50
    assert windows.join(torch.ones(1, 2, 41)).shape == (2, 11)


def test_an_overlap_of_more_than_half_is_refused() -> None:
    with pytest.raises(ConfigError, match="overlap by 2 to half"):
        Windows(n_frames=100, length=10, overlap=6)
