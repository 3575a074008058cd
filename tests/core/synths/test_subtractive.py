"""The subtractive synth: its waveforms, its mix, aliasing, and that nothing in it is trained."""

import math

import pytest
import torch

from core.ops.table_mix import mix_tables
from core.ops.table_read import band_limit
from core.settings import synths
from core.settings.audio import AudioConfig
from core.settings.synths import SubtractiveConfig
from core.synths.build import build_synth
from core.synths.note import Note
from core.synths.subtractive import Subtractive, SubtractiveControls, saw_and_square
from tests.support.notes import AUDIO


def subtractive(audio: AudioConfig = AUDIO) -> Subtractive:
    synth = build_synth(SubtractiveConfig(), audio)
    assert isinstance(synth, Subtractive)
    return synth


def test_saw_falls_from_1_to_minus_1_and_square_has_two_levels() -> None:
    saw, square = saw_and_square()
    x = torch.arange(len(saw)) / len(saw)
    inside = (x - 0.5).abs() < 0.45
    assert float((saw - (1 - 2 * x))[inside].abs().max()) < 0.01
    levels = inside & ((x - 0.5).abs() > 0.05)
    assert float((square.abs() - 1)[levels].abs().max()) < 0.01
    assert bool((square[levels] > 0).eq(x[levels] < 0.5).all())


def test_tables_have_the_size_of_which_the_settings_know() -> None:
    assert tuple(saw_and_square().shape) == synths.SAW_AND_SQUARE


def test_the_mix_runs_from_saw_to_square() -> None:
    synth = subtractive()
    n_frames = AUDIO.n_frames
    note = Note(f0_hz=torch.tensor([110.0]), q=torch.zeros(1), phase=torch.zeros(1))
    open_filter, full = torch.full((1, n_frames), 7000.0), torch.ones(1, n_frames)
    saw, half, square = (
        synth.render(SubtractiveControls(torch.full((1, n_frames), mix), open_filter, full), note)
        for mix in (0.0, 0.5, 1.0)
    )
    torch.testing.assert_close(half, (saw + square) / 2, atol=1e-5, rtol=0)
    # Without its even harmonics a cycle repeats with the sign changed after half of it.
    spectrum = torch.fft.rfft(square[0, : 16_000 // 10].double() * torch.hann_window(1600, dtype=torch.float64)).abs()
    assert float(spectrum[22]) < 1e-2 * float(spectrum[11])


@pytest.mark.parametrize(
    ("f0_hz", "sample_rate", "below_db"), [(67, 16_000, -80), (523, 16_000, -100), (67, 48_000, -70)]
)
def test_aliasing_is_inaudible(f0_hz: int, sample_rate: int, below_db: float) -> None:
    audio = AudioConfig(sample_rate=sample_rate, duration_s=1.0, hop_length=125)
    synth = subtractive(audio)
    note = Note(f0_hz=torch.tensor([float(f0_hz)]), q=torch.zeros(1), phase=torch.zeros(1))
    weights = torch.tensor([1.0, 0.0]).expand(1, audio.n_frames, 2)
    saw = mix_tables(
        band_limit(synth.tables, note.f0_hz, sample_rate, 4096),
        weights,
        note.phase_of_samples(sample_rate, sample_rate, 125),
        125,
    )
    energy = torch.fft.rfft(saw[0].double()).abs().square()
    is_harmonic = torch.arange(len(energy)) % f0_hz == 0
    assert 10 * math.log10(float(energy[~is_harmonic].sum() / energy[is_harmonic].sum())) < below_db


def test_nothing_is_trained() -> None:
    assert not list(subtractive().parameters())
