"""The FM synth: its index over pitch and curve, and aliasing."""

import math

import pytest
import torch
from torch import Tensor

from core.ops.phase_modulation import largest_index, modulate_phase
from core.settings.audio import AudioConfig
from core.settings.synths import FmConfig
from core.synths.build import build_synth
from core.synths.fm import Fm, FmControls
from core.synths.note import Note
from tests.support.notes import AUDIO, curves_of

SECOND = AudioConfig(sample_rate=16_000, duration_s=1.0, hop_length=125)


def fm(config: FmConfig, audio: AudioConfig = AUDIO) -> Fm:
    synth = build_synth(config, audio)
    assert isinstance(synth, Fm)
    return synth


def plain(audio: AudioConfig, index: float) -> FmControls:
    """Constant index, a filter that lets all pass, and full amplitude."""
    bypass = torch.zeros(1, audio.n_frames, 5)
    bypass[..., 2] = 1.0
    return FmControls(torch.full((1, audio.n_frames), index), bypass, torch.ones(1, audio.n_frames))


def note_at(f0_hz: float) -> Note:
    return Note(f0_hz=torch.tensor([f0_hz]), q=torch.zeros(1), phase=torch.zeros(1))


def test_without_modulation_it_is_a_sine() -> None:
    audio = fm(FmConfig(), SECOND).render(plain(SECOND, 0.0), note_at(200.0))
    expected = torch.sin(2 * math.pi * 200 * torch.arange(16_000, dtype=torch.float64) / 16_000)
    torch.testing.assert_close(audio[0].double(), expected, atol=1e-5, rtol=0)


def test_the_curve_is_the_share_of_the_largest_index() -> None:
    curves = curves_of(2)
    torch.testing.assert_close(fm(FmConfig(max_index=5.0)).controls(curves).index, 5 * curves[:, 0])


def test_a_high_note_has_the_index_that_its_pitch_allows() -> None:
    synth, note = fm(FmConfig(max_index=20.0), SECOND), note_at(1000.0)
    allowed = float(largest_index(note.f0_hz, 1.0, 16_000)[0])
    assert 1 < allowed < 20
    wide = fm(FmConfig(max_index=allowed), SECOND)
    torch.testing.assert_close(
        synth.render(plain(SECOND, 20.0), note), wide.render(plain(SECOND, allowed), note), atol=1e-5, rtol=0
    )


def off_the_comb(audio: Tensor, spacing: int) -> float:
    """Energy of one second outside multiples of some Hz over that within, in dB."""
    energy = torch.fft.rfft(audio.double()).abs().square()
    comb = torch.arange(len(energy)) % spacing == 0
    return 10 * math.log10(float(energy[~comb].sum() / energy[comb].sum()) + 1e-30)


@pytest.mark.parametrize(("f0_hz", "ratio"), [(66, 1.0), (226, 1.0), (442, 1.5), (1006, 1.5), (1906, 0.5), (2514, 2.0)])
def test_aliasing_stays_below_the_sound_by_57_db(f0_hz: int, ratio: float) -> None:
    """A sideband that folds at Nyquist falls between the partials, since these do not divide the sample rate."""
    synth = fm(FmConfig(ratio=ratio, max_index=50.0), SECOND)
    audio = synth.render(plain(SECOND, 50.0), note_at(float(f0_hz)))[0]
    spacing = f0_hz if ratio.is_integer() else f0_hz // 2
    assert 16_000 % spacing
    assert off_the_comb(audio, spacing) < -57
    phase = note_at(float(f0_hz)).phase_of_samples(16_000, 16_000, 125)
    unbounded = modulate_phase(torch.full((1, SECOND.n_frames), 150.0), phase, ratio, 125)[0]
    assert off_the_comb(unbounded, spacing) > -10, "the check sees sidebands that fold"
