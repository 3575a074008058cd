"""Phases of oscillators: exactness, and the closed form within a hop against a running sum."""

import math

import pytest
import torch

from core.ops.phase import constant_pitch_phase, moving_pitch_phase, moving_pitch_phase_reference
from core.seeding import generator
from tests.support.closeness import assert_as_exact_as_reference, assert_twice_differentiable


def test_a_constant_pitch_stays_exact_for_a_minute() -> None:
    n_samples = 48_000 * 60
    phase = constant_pitch_phase(torch.tensor([440.0]), torch.tensor([0.25]), n_samples, 48_000)
    assert float(phase[0, -1]) == pytest.approx(0.25 + 440 * (n_samples - 1) / 48_000, abs=1e-9)


def test_a_pitch_that_does_not_move_has_the_phase_of_a_constant_one() -> None:
    f0_hz, start = torch.tensor([440.0, 61.7]), torch.tensor([0.25, 0.9])
    constant = constant_pitch_phase(f0_hz, start, 48_000, 48_000)
    moving = moving_pitch_phase(f0_hz[:, None].expand(-1, 386), start, 48_000, 48_000, 125)
    torch.testing.assert_close(moving, constant, rtol=0, atol=1e-9)


def test_a_rising_pitch_makes_a_parabola() -> None:
    """From 100 to 200 Hz in one second: 150 cycles, less half an increment's rise."""
    pitch_hz = torch.linspace(100, 200, 81, dtype=torch.float64)[None]
    phase = moving_pitch_phase(pitch_hz, torch.zeros(1), 8000, 8000, 100)
    t = torch.arange(8000, dtype=torch.float64) / 8000
    torch.testing.assert_close(phase[0], 100 * t + 50 * t**2 - 50 * t / 8000, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("n_samples", "hop_length"), [(2, 5), (30, 5), (31, 7), (12, 1)])
def test_it_equals_a_running_sum(n_samples: int, hop_length: int) -> None:
    draw = generator(0, "phase")
    n_frames = math.ceil(n_samples / hop_length) + 1
    pitch_hz = 100 + 300 * torch.rand(3, n_frames, dtype=torch.float64, generator=draw)
    start = torch.rand(3, generator=draw)
    assert_as_exact_as_reference(
        lambda pitch: moving_pitch_phase(pitch, start, n_samples, 8000, hop_length),
        lambda pitch: moving_pitch_phase_reference(pitch, start, n_samples, 8000, hop_length),
        (pitch_hz,),
    )


def test_gradient_in_the_pitch_equals_finite_differences() -> None:
    pitch = torch.tensor([[1.0, 2.0, 1.5]], dtype=torch.float64)
    assert_twice_differentiable(lambda p: moving_pitch_phase(p.square(), torch.zeros(1), 8, 8, 4), (pitch,))


def test_frames_that_end_early_are_refused() -> None:
    with pytest.raises(ValueError, match="cover 100 samples"):
        moving_pitch_phase(torch.ones(1, 2), torch.zeros(1), 101, 8000, 100)
