"""Filters: comparison with scipy and an explicit recursion, gains, stability, and extreme sweeps."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import freqz, lfilter

from core.ops.biquad import time_varying_biquad
from core.seeding import generator
from core.synths.filters import LearnedFilter, RbjFilter, rbj_lowpass, stable_poles
from tests.support.notes import AUDIO


@pytest.mark.parametrize("cutoff_hz", [100.0, 1000.0, 7200.0])
@pytest.mark.parametrize("q", [0.7071, 4.0])
def test_filter_equals_scipy_where_coefficients_are_constant(cutoff_hz: float, q: float) -> None:
    audio = torch.rand(2, 500, dtype=torch.float64, generator=generator(0, "audio")) - 0.5
    b, a = rbj_lowpass(torch.full((2, 500), cutoff_hz).double(), torch.full((2, 500), q).double(), 16_000)
    expected = lfilter(b[0, 0].numpy(), [1, *a[0, 0].numpy()], audio.numpy())
    np.testing.assert_allclose(time_varying_biquad(audio, b, a).numpy(), expected, atol=1e-10)


def test_filter_equals_the_recursion_written_out_where_coefficients_vary() -> None:
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


def test_gradient_in_audio_and_coefficients_equals_finite_differences() -> None:
    draw = generator(2, "gradient")
    audio = torch.randn(2, 12, dtype=torch.float64, generator=draw, requires_grad=True)
    b = torch.randn(2, 12, 3, dtype=torch.float64, generator=draw, requires_grad=True)
    logits = torch.randn(2, 12, 2, dtype=torch.float64, generator=draw, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda audio, b, logits: time_varying_biquad(audio, b, stable_poles(logits, 1e-3)), (audio, b, logits)
    )


def test_low_pass_has_unit_gain_at_dc_and_gain_q_at_the_cutoff() -> None:
    b, a = rbj_lowpass(torch.tensor(1000.0), torch.tensor(3.0), 16_000)
    _, response = freqz(b.numpy(), [1, *a.numpy()], worN=[0.0, 1000.0], fs=16_000)
    np.testing.assert_allclose(np.abs(response), [1.0, 3.0], rtol=1e-4)


def test_any_logits_give_stable_poles() -> None:
    logits = 20 * torch.randn(10_000, 2, dtype=torch.float64, generator=generator(3, "logits"))
    a1, a2 = stable_poles(logits, 1e-3).unbind(-1)
    roots = torch.linalg.eigvals(
        torch.stack([torch.stack([-a1, -a2], -1), torch.tensor([1.0, 0.0]).double().expand(10_000, 2)], 1)
    )
    assert float(roots.abs().max()) < 1


@pytest.mark.parametrize("period", [2, 3, 10, AUDIO.n_frames])
def test_coefficients_that_jump_between_extremes_give_finite_sound(period: int) -> None:
    n_frames = AUDIO.n_frames
    audio = 2 * torch.rand(1, AUDIO.n_samples, generator=generator(4, "noise")) - 1
    jumps = (torch.arange(n_frames) % period < (period + 1) // 2).float()
    white = RbjFilter((100.0, 8000.0), (0.7071, 4.0), 16_000, 125)
    grey = LearnedFilter(125)
    gain = torch.ones(1, n_frames)
    swept = white(audio, white.cutoff.from_unit(jumps)[None], torch.tensor([4.0]), gain)
    learned = grey(audio, ((2 * jumps - 1)[:, None] * torch.tensor([8.0, 8.0, 1.0, -1.0, 1.0]))[None], gain)
    assert bool(swept.isfinite().all())
    assert float(swept.abs().max()) < 1000
    assert bool(learned.isfinite().all())


def test_shrunk_poles_cost_the_dc_gain_that_the_reference_loses() -> None:
    losses_db = []
    for shrink in (0.0, 1e-3):
        b, a = rbj_lowpass(torch.tensor(100.0).double(), torch.tensor(0.7071).double(), 48_000)
        a = a * (1 - shrink)
        losses_db.append(20 * math.log10(float(b.sum() / (1 + a.sum()))))
    assert losses_db[0] == pytest.approx(0, abs=1e-6)
    assert losses_db[1] == pytest.approx(-16.8, abs=0.1)


@pytest.mark.parametrize(("sample_rate", "highest_hz"), [(16_000, 7200), (48_000, 8000)])
def test_highest_cutoff_stays_below_nyquist(sample_rate: int, highest_hz: float) -> None:
    assert RbjFilter((100.0, 8000.0), (0.7, 4.0), sample_rate, 125).cutoff.high == highest_hz


def test_both_interpolations_of_the_learned_filter_agree_where_its_logits_are_constant() -> None:
    audio = 2 * torch.rand(1, AUDIO.n_samples, generator=generator(5, "noise")) - 1
    logits = torch.tensor([0.3, -0.4, 0.5, 0.2, -0.1]).expand(1, AUDIO.n_frames, 5)
    gain = torch.rand(1, AUDIO.n_frames, generator=generator(5, "gain"))
    by_coefficients = LearnedFilter(125, interpolate="coefficients")(audio, logits, gain)
    by_logits = LearnedFilter(125, interpolate="logits")(audio, logits, gain)
    torch.testing.assert_close(by_coefficients, by_logits, atol=1e-5, rtol=1e-4)
