"""Synths: each block against a slow reference, its gradient, and what the whole does to a sound."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import freqz, lfilter

from core.ops.biquad import time_varying_biquad
from core.ops.filtered_noise import band_filters, filter_noise
from core.ops.frames import to_samples
from core.ops.harmonics import exp_sigmoid, normalize_harmonics, sum_of_harmonics
from core.ops.table_read import band_limit, oscillator_phase, read_table
from core.seeding import generator, initialise
from core.settings.audio import AudioConfig
from core.settings.synths import (
    EngelConfig,
    FrozenWavetableConfig,
    LearnableWavetableConfig,
    LearnedFilterConfig,
    ModSynthConfig,
    SynthConfig,
)
from core.synths.adapters import Adapter
from core.synths.build import build_synth
from core.synths.engel import Engel
from core.synths.filters import LearnedFilter, RbjFilter, rbj_lowpass, stable_poles
from core.synths.note import Note
from core.synths.wavetable import WavetableOscillator

AUDIO = AudioConfig(sample_rate=16_000, duration_s=0.25, hop_length=125)
WHITE_BOX = ModSynthConfig(oscillator=FrozenWavetableConfig(wavetable="sine_to_saw"))
GREY_BOX = ModSynthConfig(oscillator=LearnableWavetableConfig(table_length=256), filter=LearnedFilterConfig())
SYNTHS: tuple[SynthConfig, ...] = (WHITE_BOX, GREY_BOX, EngelConfig(n_harmonics=20))


def note_of(batch: int, n_samples: int = AUDIO.n_samples, seed: int = 0) -> Note:
    draw = generator(seed, "note")
    return Note(
        f0_hz=100 + 300 * torch.rand(batch, generator=draw),
        q=torch.rand(batch, generator=draw),
        phase=torch.rand(batch, generator=draw),
        noise=2 * torch.rand(batch, n_samples, generator=draw) - 1,
    )


def curves_of(batch: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(batch, 3, AUDIO.n_frames, generator=generator(seed, "curves"))


def test_interpolation_to_samples_equals_numpy() -> None:
    frames = torch.rand(2, 5, generator=generator(0, "frames"))
    for n_samples in (28, 25):
        expected = np.stack([np.interp(np.arange(n_samples) / 7, np.arange(5), row) for row in frames.numpy()])
        np.testing.assert_allclose(to_samples(frames, 7, n_samples).numpy(), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="give 6 frames"):
        to_samples(frames, 7, 29)


class TestBiquad:
    @pytest.mark.parametrize("cutoff_hz", [100.0, 1000.0, 7200.0])
    @pytest.mark.parametrize("q", [0.7071, 4.0])
    def test_equals_scipy_where_coefficients_are_constant(self, cutoff_hz: float, q: float) -> None:
        audio = torch.rand(2, 500, dtype=torch.float64, generator=generator(0, "audio")) - 0.5
        b, a = rbj_lowpass(torch.full((2, 500), cutoff_hz).double(), torch.full((2, 500), q).double(), 16_000)
        expected = lfilter(b[0, 0].numpy(), [1, *a[0, 0].numpy()], audio.numpy())
        np.testing.assert_allclose(time_varying_biquad(audio, b, a).numpy(), expected, atol=1e-10)

    def test_equals_the_recursion_written_out_where_coefficients_vary(self) -> None:
        draw = generator(1, "varying")
        audio = torch.rand(1, 200, dtype=torch.float64, generator=draw) - 0.5
        a = stable_poles(torch.randn(1, 200, 2, dtype=torch.float64, generator=draw), 1e-3)
        b = torch.randn(1, 200, 3, dtype=torch.float64, generator=draw)
        v, y = [0.0, 0.0], []
        for n in range(200):
            state = float(audio[0, n]) - float(a[0, n, 0]) * v[-1] - float(a[0, n, 1]) * v[-2]
            y.append(float(b[0, n] @ torch.tensor([state, v[-1], v[-2]], dtype=torch.float64)))
            v.append(state)
        np.testing.assert_allclose(time_varying_biquad(audio, b, a)[0].numpy(), y, atol=1e-12)

    def test_gradient_in_audio_and_coefficients(self) -> None:
        draw = generator(2, "gradient")
        audio = torch.randn(2, 12, dtype=torch.float64, generator=draw, requires_grad=True)
        b = torch.randn(2, 12, 3, dtype=torch.float64, generator=draw, requires_grad=True)
        logits = torch.randn(2, 12, 2, dtype=torch.float64, generator=draw, requires_grad=True)
        assert torch.autograd.gradcheck(
            lambda audio, b, logits: time_varying_biquad(audio, b, stable_poles(logits, 1e-3)), (audio, b, logits)
        )

    def test_low_pass_has_unit_gain_at_dc_and_gain_q_at_the_cutoff(self) -> None:
        b, a = rbj_lowpass(torch.tensor(1000.0), torch.tensor(3.0), 16_000)
        _, response = freqz(b.numpy(), [1, *a.numpy()], worN=[0.0, 1000.0], fs=16_000)
        np.testing.assert_allclose(np.abs(response), [1.0, 3.0], rtol=1e-4)

    def test_any_logits_give_stable_poles(self) -> None:
        logits = 20 * torch.randn(10_000, 2, dtype=torch.float64, generator=generator(3, "logits"))
        a1, a2 = stable_poles(logits, 1e-3).unbind(-1)
        roots = torch.linalg.eigvals(
            torch.stack([torch.stack([-a1, -a2], -1), torch.tensor([1.0, 0.0]).double().expand(10_000, 2)], 1)
        )
        assert float(roots.abs().max()) < 1

    def test_coefficients_that_jump_between_extremes_give_finite_sound(self) -> None:
        n_frames = AUDIO.n_frames
        audio = 2 * torch.rand(1, AUDIO.n_samples, generator=generator(4, "noise")) - 1
        for period in (2, 3, 10, n_frames):
            jumps = (torch.arange(n_frames) % period < (period + 1) // 2).float()
            white = RbjFilter((100.0, 8000.0), (0.7071, 4.0), 16_000, 125)
            grey = LearnedFilter(125)
            gain = torch.ones(1, n_frames)
            swept = white(audio, white.cutoff.from_unit(jumps)[None], torch.tensor([4.0]), gain)
            learned = grey(audio, ((2 * jumps - 1)[:, None] * torch.tensor([8.0, 8.0, 1.0, -1.0, 1.0]))[None], gain)
            assert bool(swept.isfinite().all())
            assert float(swept.abs().max()) < 1000
            assert bool(learned.isfinite().all())

    def test_shrunk_poles_cost_the_dc_gain_that_the_reference_has(self) -> None:
        losses_db = []
        for shrink in (0.0, 1e-3):
            b, a = rbj_lowpass(torch.tensor(100.0).double(), torch.tensor(0.7071).double(), 48_000)
            a = a * (1 - shrink)
            losses_db.append(20 * math.log10(float(b.sum() / (1 + a.sum()))))
        assert losses_db[0] == pytest.approx(0, abs=1e-6)
        assert losses_db[1] == pytest.approx(-16.8, abs=0.1)

    def test_highest_cutoff_stays_below_nyquist(self) -> None:
        assert RbjFilter((100.0, 8000.0), (0.7, 4.0), 16_000, 125).cutoff.high == 7200
        assert RbjFilter((100.0, 8000.0), (0.7, 4.0), 48_000, 125).cutoff.high == 8000


class TestWavetable:
    def test_phase_stays_exact_for_minutes(self) -> None:
        phase = oscillator_phase(torch.tensor([440.0]), torch.tensor([0.25]), 48_000 * 60, 48_000)
        n = 48_000 * 60 - 1
        expected = (0.25 + (440 * n % 48_000) / 48_000) % 1
        assert float(phase[0, -1]) == pytest.approx(expected, abs=1e-9)

    def test_sine_table_plays_a_sine(self) -> None:
        cycle = torch.sin(2 * math.pi * torch.arange(1024) / 1024)
        oscillator = WavetableOscillator(cycle.expand(2, -1), 16_000, 125)
        audio = oscillator(torch.full((1, 33), 0.5), torch.tensor([261.6]), torch.tensor([0.1]), 4000)
        expected = np.sin(2 * np.pi * (0.1 + 261.6 * np.arange(4000) / 16_000))
        np.testing.assert_allclose(audio[0].numpy(), expected, atol=2e-5)

    def test_read_equals_a_loop_and_wraps(self) -> None:
        draw = generator(0, "table")
        tables = torch.rand(1, 3, 8, dtype=torch.float64, generator=draw)
        position = torch.tensor([0.0, 0.3, 0.5, 0.99, 1.0], dtype=torch.float64)
        phase = torch.tensor([0.0, 0.45, 0.9375, 0.99, 0.2], dtype=torch.float64)
        # The first sample of five clips.
        audio = read_table(
            tables.expand(5, -1, -1), position[:, None].expand(-1, 2), torch.full((5,), 100.0), phase, 1, 16_000, 125
        )
        expected = []
        for place, cycle in zip(position.tolist(), phase.tolist(), strict=True):
            row, column = min(place * 2, 2), cycle * 8
            r0, c0 = min(int(row), 1), int(column)
            values = [
                (1 - column + c0) * float(tables[0, r, c0]) + (column - c0) * float(tables[0, r, (c0 + 1) % 8])
                for r in (r0, r0 + 1)
            ]
            expected.append((1 - row + r0) * values[0] + (row - r0) * values[1])
        np.testing.assert_allclose(audio[:, 0].numpy(), expected, atol=1e-12)

    def test_gradient_in_table_and_position(self) -> None:
        draw = generator(1, "gradient")
        tables = torch.rand(2, 4, 8, dtype=torch.float64, generator=draw, requires_grad=True)
        # Positions between the rows, at which the read has a corner.
        position = ((torch.tensor([[0.2, 1.4, 2.7], [0.7, 1.1, 2.2]], dtype=torch.float64)) / 3).requires_grad_()
        phase = torch.rand(2, dtype=torch.float64, generator=draw)
        f0_hz = torch.tensor([700.0, 1900.0])
        assert torch.autograd.gradcheck(lambda t, p: read_table(t, p, f0_hz, phase, 3, 16_000, 2), (tables, position))

    @pytest.mark.parametrize("f0_hz", [20.0, 110.0, 440.0, 4000.0])
    def test_nothing_sounds_but_harmonics_below_nyquist(self, f0_hz: float) -> None:
        saw = torch.linspace(1, -1, 1024).expand(1, -1)
        limited = band_limit(saw, torch.tensor([f0_hz]), 16_000)[0, 0]
        magnitude = torch.fft.rfft(limited).abs()
        harmonic = torch.arange(513) * f0_hz
        assert float(magnitude[harmonic >= 8000].sum()) < 1e-3 * float(magnitude.sum())
        kept = harmonic <= 0.9 * 8000
        torch.testing.assert_close(magnitude[kept], torch.fft.rfft(saw[0]).abs()[kept], atol=1e-3, rtol=1e-4)


class TestHarmonicsAndNoise:
    def test_sum_equals_sines_with_interpolated_amplitudes(self) -> None:
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

    def test_harmonics_at_or_above_nyquist_are_silent_and_the_rest_sums_to_one(self) -> None:
        shares = normalize_harmonics(torch.ones(2, 3, 10), torch.tensor([2000.0, 500.0]), 16_000)
        torch.testing.assert_close(shares[0, 0], torch.tensor([1 / 3] * 3 + [0.0] * 7))
        torch.testing.assert_close(shares.sum(-1), torch.ones(2, 3))

    def test_amplitude_scale_of_ddsp(self) -> None:
        torch.testing.assert_close(exp_sigmoid(torch.zeros(1)), torch.tensor([2 * 0.5 ** math.log(10) + 1e-7]))
        assert float(exp_sigmoid(torch.tensor(-1e4))) == pytest.approx(1e-7)

    def test_flat_bands_pass_the_noise_unchanged(self) -> None:
        noise = 2 * torch.rand(2, 1000, generator=generator(0, "noise")) - 1
        filters = band_filters(torch.ones(2, 11, 33), 64)
        torch.testing.assert_close(filter_noise(noise, filters, 100), noise, atol=1e-5, rtol=0)

    def test_blocks_equal_a_convolution_loop(self) -> None:
        draw = generator(1, "noise")
        noise = torch.rand(1, 60, dtype=torch.float64, generator=draw)
        filters = torch.rand(1, 4, 8, dtype=torch.float64, generator=draw)
        expected = np.zeros(60 + 8)
        for block in range(3):
            start = block * 20
            part = np.convolve(noise[0, start : start + 20].numpy(), filters[0, block].numpy())
            expected[start : start + 27] += part
        np.testing.assert_allclose(filter_noise(noise, filters, 20)[0].numpy(), expected[4:64], atol=1e-12)

    def test_low_bands_give_low_noise(self) -> None:
        magnitudes = torch.zeros(1, 33, 33)
        magnitudes[..., :5] = 1
        noise = 2 * torch.rand(1, 4000, generator=generator(2, "noise")) - 1
        spectrum = torch.fft.rfft(filter_noise(noise, band_filters(magnitudes, 64), 125)[0]).abs().square()
        assert float(spectrum[: len(spectrum) // 4].sum() / spectrum.sum()) > 0.99

    def test_gradients(self) -> None:
        draw = generator(3, "gradient")
        amplitudes = torch.rand(1, 3, 4, dtype=torch.float64, generator=draw, requires_grad=True)
        f0_hz, phase = torch.tensor([500.0]), torch.tensor([0.3])
        assert torch.autograd.gradcheck(lambda a: sum_of_harmonics(a, f0_hz, phase, 20, 16_000, 10), (amplitudes,))
        magnitudes = torch.rand(1, 3, 5, dtype=torch.float64, generator=draw, requires_grad=True)
        noise = torch.rand(1, 20, dtype=torch.float64, generator=draw)
        assert torch.autograd.gradcheck(lambda m: filter_noise(noise, band_filters(m, 8), 10), (magnitudes,))

    def test_odd_or_too_long_filters_are_refused(self) -> None:
        for n_taps in (7, 66):
            with pytest.raises(ValueError, match="noise_taps must be even and at most"):
                band_filters(torch.ones(1, 2, 33), n_taps)


def test_adapter_equals_its_networks_one_by_one() -> None:
    adapter = Adapter(5)
    curve = torch.rand(2, 9, generator=generator(0, "curve"))
    together = adapter(curve)
    inputs = torch.stack([curve, torch.linspace(0, 1, 9).expand(2, -1)], -1)
    for control in range(5):
        x = inputs
        for i, layer in enumerate(adapter.layers):
            x = x @ layer.weight[control] + layer.bias[control]
            if i < 2:
                x = torch.where(x > 0, x, 0.25 * x)
        torch.testing.assert_close(together[..., control], x[..., 0])


@pytest.mark.parametrize("config", SYNTHS, ids=["white box", "grey box", "engel"])
class TestEverySynth:
    def test_batch_size_does_not_change_the_sound(self, config: SynthConfig) -> None:
        synth = build_synth(config, AUDIO)
        initialise(synth, 0)
        curves, note = curves_of(4), note_of(4)
        whole = synth(curves, note)
        assert whole.shape == (4, AUDIO.n_samples)
        for i in range(4):
            alone = synth(curves[i : i + 1], note[i : i + 1])
            torch.testing.assert_close(alone, whole[i : i + 1], atol=1e-5, rtol=1e-4)

    def test_envelope_scales_the_sound(self, config: SynthConfig) -> None:
        synth = build_synth(config, AUDIO)
        initialise(synth, 0)
        curves, note = curves_of(1), note_of(1)
        curves[:, 2] = 1.0
        with torch.no_grad():
            full = synth(curves, note)
        curves[:, 2, : AUDIO.n_frames // 2] = 0.0
        with torch.no_grad():
            silenced = synth(curves, note)
        half = (AUDIO.n_frames // 2 - 1) * AUDIO.hop_length
        assert float(silenced[:, :half].abs().max()) == 0
        torch.testing.assert_close(silenced[:, half + AUDIO.hop_length :], full[:, half + AUDIO.hop_length :])

    def test_every_curve_gets_a_gradient(self, config: SynthConfig) -> None:
        synth = build_synth(config, AUDIO)
        initialise(synth, 0)
        curves = curves_of(2).requires_grad_()
        synth(curves, note_of(2)).square().sum().backward()
        assert curves.grad is not None
        assert bool((curves.grad.abs().amax((0, 2)) > 0).all())

    def test_render_of_controls_is_the_call(self, config: SynthConfig) -> None:
        synth = build_synth(config, AUDIO)
        curves, note = curves_of(2), note_of(2)
        torch.testing.assert_close(synth.render(synth.controls(curves), note), synth(curves, note))


def test_whole_white_box_gradient_equals_finite_differences() -> None:
    audio_config = AudioConfig(sample_rate=8000, duration_s=0.01, hop_length=10)
    synth = build_synth(WHITE_BOX, audio_config).double()
    curves = 0.2 + 0.6 * torch.rand(1, 3, audio_config.n_frames, dtype=torch.float64, generator=generator(0, "curves"))
    note = note_of(1, audio_config.n_samples)
    note = replace(note, f0_hz=note.f0_hz.double(), q=note.q.double(), noise=note.noise.double())
    assert torch.autograd.gradcheck(lambda c: synth(c, note), (curves.requires_grad_(),), atol=1e-4)


def test_position_noise_acts_in_training_only() -> None:
    synth = build_synth(GREY_BOX, AUDIO)
    initialise(synth, 0)
    curves = curves_of(1)
    still = synth.controls(curves).position
    noisy = synth.controls(curves, 1.0, generator(0, "noise")).position
    torch.testing.assert_close(synth.controls(curves, 0.0, generator(0, "noise")).position, still)
    assert float((noisy - still).detach().abs().max()) > 0.01


def test_noise_branch_is_heard() -> None:
    synth = build_synth(EngelConfig(n_harmonics=20), AUDIO)
    assert isinstance(synth, Engel)
    controls = synth.controls(curves_of(1))
    silent = replace(controls, harmonic_amplitude=torch.zeros_like(controls.harmonic_amplitude))
    loud = replace(silent, noise_magnitudes=torch.ones_like(silent.noise_magnitudes))
    assert float(synth.render(loud, note_of(1)).detach().abs().mean()) > 0.05
