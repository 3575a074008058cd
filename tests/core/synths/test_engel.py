"""Harmonic and noise synth: sums of sines, filtered noise, and the sound of each branch."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.ops.filtered_noise import band_filters, filter_noise
from core.ops.harmonic_shares import exp_sigmoid, normalize_harmonics
from core.ops.harmonics import sum_of_harmonics
from core.seeding import generator
from core.synths.build import build_synth
from core.synths.engel import Engel
from tests.support.notes import AUDIO, ENGEL, curves_of, note_of


def engel() -> Engel:
    synth = build_synth(ENGEL, AUDIO)
    assert isinstance(synth, Engel)
    return synth


def test_sum_equals_sines_with_interpolated_amplitudes() -> None:
    draw = generator(0, "amplitudes")
    amplitudes = torch.rand(2, 5, 7, dtype=torch.float64, generator=draw)
    f0_hz, phase = torch.tensor([100.0, 333.0]), torch.tensor([0.0, 0.7])
    audio = sum_of_harmonics(amplitudes, f0_hz, phase, 400, 16_000, 100)
    n = np.arange(400)
    for i in range(2):
        expected = sum(
            np.interp(n / 100, np.arange(5), amplitudes[i, :, h].numpy())
            * np.sin(2 * np.pi * (h + 1) * (float(phase[i]) + float(f0_hz[i]) * n / 16_000))
            for h in range(7)
        )
        np.testing.assert_allclose(audio[i].numpy(), expected, atol=1e-9)


def test_harmonics_at_or_above_nyquist_are_silent_and_the_rest_sums_to_one() -> None:
    shares = normalize_harmonics(torch.ones(2, 3, 10), torch.tensor([2000.0, 500.0]), 16_000)
    torch.testing.assert_close(shares[0, 0], torch.tensor([1 / 3] * 3 + [0.0] * 7))
    torch.testing.assert_close(shares.sum(-1), torch.ones(2, 3))


def test_amplitudes_are_scaled_as_in_ddsp() -> None:
    torch.testing.assert_close(exp_sigmoid(torch.zeros(1)), torch.tensor([2 * 0.5 ** math.log(10) + 1e-7]))
    assert float(exp_sigmoid(torch.tensor(-1e4))) == pytest.approx(1e-7)


def test_flat_bands_pass_the_noise_unchanged() -> None:
    noise = 2 * torch.rand(2, 1000, generator=generator(0, "noise")) - 1
    filters = band_filters(torch.ones(2, 11, 33), 64)
    torch.testing.assert_close(filter_noise(noise, filters, 100), noise, atol=1e-5, rtol=0)


def test_blocks_equal_a_convolution_loop() -> None:
    draw = generator(1, "noise")
    noise = torch.rand(1, 60, dtype=torch.float64, generator=draw)
    filters = torch.rand(1, 4, 8, dtype=torch.float64, generator=draw)
    expected = np.zeros(60 + 8)
    for block in range(3):
        start = block * 20
        part = np.convolve(noise[0, start : start + 20].numpy(), filters[0, block].numpy())
        expected[start : start + 27] += part
    np.testing.assert_allclose(filter_noise(noise, filters, 20)[0].numpy(), expected[4:64], atol=1e-12)


def test_low_bands_give_low_noise() -> None:
    magnitudes = torch.zeros(1, 33, 33)
    magnitudes[..., :5] = 1
    noise = 2 * torch.rand(1, 4000, generator=generator(2, "noise")) - 1
    spectrum = torch.fft.rfft(filter_noise(noise, band_filters(magnitudes, 64), 125)[0]).abs().square()
    assert float(spectrum[: len(spectrum) // 4].sum() / spectrum.sum()) > 0.99


def test_gradients_equal_finite_differences() -> None:
    draw = generator(3, "gradient")
    amplitudes = torch.rand(1, 3, 4, dtype=torch.float64, generator=draw, requires_grad=True)
    f0_hz, phase = torch.tensor([500.0]), torch.tensor([0.3])
    assert torch.autograd.gradcheck(lambda a: sum_of_harmonics(a, f0_hz, phase, 20, 16_000, 10), (amplitudes,))
    magnitudes = torch.rand(1, 3, 5, dtype=torch.float64, generator=draw, requires_grad=True)
    noise = torch.rand(1, 20, dtype=torch.float64, generator=draw)
    assert torch.autograd.gradcheck(lambda m: filter_noise(noise, band_filters(m, 8), 10), (magnitudes,))


@pytest.mark.parametrize("n_taps", [7, 66])
def test_odd_or_too_long_filters_are_refused(n_taps: int) -> None:
    with pytest.raises(ValueError, match="noise_taps must be even and at most"):
        band_filters(torch.ones(1, 2, 33), n_taps)


def test_noise_branch_is_heard() -> None:
    synth = engel()
    controls = synth.controls(curves_of(1))
    silent = replace(controls, harmonic_amplitude=torch.zeros_like(controls.harmonic_amplitude))
    loud = replace(silent, noise_magnitudes=torch.ones_like(silent.noise_magnitudes))
    assert float(synth.render(loud, note_of(1)).detach().abs().mean()) > 0.05


def test_note_without_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a note with noise"):
        engel()(curves_of(1), replace(note_of(1), noise=None))
