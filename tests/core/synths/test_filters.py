"""Filters: comparison with scipy and an explicit recursion, gains, stability, and extreme sweeps."""

import math
from typing import Literal

import numpy as np
import pytest
import torch
from scipy.signal import bilinear, freqz, lfilter

from core.ops.biquad import time_varying_biquad
from core.seeding import generator
from core.settings.filters import FilterResponse
from core.synths.filters import LearnedFilter, RbjFilter, rbj_biquad, stable_poles
from tests.support.notes import AUDIO


@pytest.mark.parametrize("cutoff_hz", [100.0, 1000.0, 7200.0])
@pytest.mark.parametrize("q", [0.7071, 4.0])
def test_filter_equals_scipy_where_coefficients_are_constant(cutoff_hz: float, q: float) -> None:
    audio = torch.rand(2, 500, dtype=torch.float64, generator=generator(0, "audio")) - 0.5
    b, a = rbj_biquad("low_pass", torch.full((2, 500), cutoff_hz).double(), torch.full((2, 500), q).double(), 16_000)
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
    b, a = rbj_biquad("low_pass", torch.tensor(1000.0), torch.tensor(3.0), 16_000)
    _, response = freqz(b.numpy(), [1, *a.numpy()], worN=[0.0, 1000.0], fs=16_000)
    np.testing.assert_allclose(np.abs(response), [1.0, 3.0], rtol=1e-4)


@pytest.mark.parametrize("q", [0.7071, 4.0])
@pytest.mark.parametrize(
    ("response", "zeros", "at_zero_cutoff_and_nyquist"),
    [
        ("low_pass", [-1, -1], (1, None, 0)),
        ("high_pass", [1, 1], (0, None, 1)),
        ("band_pass", [1, -1], (0, 1, 0)),
        ("notch", None, (1, 0, 1)),
    ],
)
def test_each_response_is_the_bilinear_transform_of_its_analogue_filter(
    response: FilterResponse,
    zeros: list[float] | None,
    at_zero_cutoff_and_nyquist: tuple[float, float | None, float],
    q: float,
) -> None:
    cutoff_hz, rate = 1000.0, 16_000
    exact = torch.tensor([cutoff_hz, q], dtype=torch.float64)
    b, a = rbj_biquad(response, exact[0], exact[1], rate)
    analogue: dict[FilterResponse, list[float]] = {
        "low_pass": [1],
        "high_pass": [1, 0, 0],
        "band_pass": [1 / q, 0],
        "notch": [1, 0, 1],
    }
    numerator = analogue[response]
    w = math.tan(math.pi * cutoff_hz / rate)
    powers = w ** np.arange(len(numerator) - 1, -1, -1.0)
    expected = bilinear(numerator / powers, [1 / w**2, 1 / q / w, 1], fs=0.5)
    np.testing.assert_allclose(b.numpy(), expected[0] / expected[1][0], atol=1e-12)
    np.testing.assert_allclose([1, *a.tolist()], expected[1] / expected[1][0], atol=1e-12)
    if zeros is not None:
        np.testing.assert_allclose(np.sort(np.roots(b.numpy()).real), sorted(zeros), atol=1e-6)
    _, gains = freqz(b.numpy(), [1, *a.tolist()], worN=[0.0, cutoff_hz, rate / 2], fs=rate)
    for gain, wanted in zip(np.abs(gains), at_zero_cutoff_and_nyquist, strict=True):
        assert gain == pytest.approx(q if wanted is None else wanted, abs=1e-9)


def test_any_logits_give_stable_poles() -> None:
    logits = 20 * torch.randn(10_000, 2, dtype=torch.float64, generator=generator(3, "logits"))
    a1, a2 = stable_poles(logits, 1e-3).unbind(-1)
    roots = torch.linalg.eigvals(
        torch.stack([torch.stack([-a1, -a2], -1), torch.tensor([1.0, 0.0]).double().expand(10_000, 2)], 1)
    )
    assert float(roots.abs().max()) < 1


@pytest.mark.parametrize("response", ["low_pass", "high_pass", "band_pass", "notch"])
@pytest.mark.parametrize("period", [2, 3, 10, AUDIO.n_frames])
def test_coefficients_that_jump_between_extremes_give_finite_sound(period: int, response: FilterResponse) -> None:
    n_frames = AUDIO.n_frames
    audio = 2 * torch.rand(1, AUDIO.n_samples, generator=generator(4, "noise")) - 1
    jumps = (torch.arange(n_frames) % period < (period + 1) // 2).float()
    white = RbjFilter((100.0, 8000.0), (0.7071, 4.0), 16_000, 125, response=response)
    gain = torch.ones(1, n_frames)
    swept = white(audio, white.cutoff.from_unit(jumps)[None], torch.tensor([4.0]), gain)
    logits = ((2 * jumps - 1)[:, None] * torch.tensor([8.0, 8.0, 1.0, -1.0, 1.0]))[None]
    assert bool(swept.isfinite().all())
    assert float(swept.abs().max()) < 1000
    assert bool(LearnedFilter(125, structure="direct")(audio, logits, gain).isfinite().all())
    # These poles are 0.001 from the unit circle, and amplify by thousands where they stay, too.
    assert float(LearnedFilter(125)(audio, logits, gain).abs().max()) < 10_000


def test_shrunk_poles_cost_the_dc_gain_that_the_reference_loses() -> None:
    losses_db = []
    for shrink in (0.0, 1e-3):
        b, a = rbj_biquad("low_pass", torch.tensor(100.0).double(), torch.tensor(0.7071).double(), 48_000)
        a = a * (1 - shrink)
        losses_db.append(20 * math.log10(float(b.sum() / (1 + a.sum()))))
    assert losses_db[0] == pytest.approx(0, abs=1e-6)
    assert losses_db[1] == pytest.approx(-16.8, abs=0.1)


@pytest.mark.parametrize(("sample_rate", "highest_hz"), [(16_000, 7200), (48_000, 8000)])
def test_highest_cutoff_stays_below_nyquist(sample_rate: int, highest_hz: float) -> None:
    assert RbjFilter((100.0, 8000.0), (0.7, 4.0), sample_rate, 125).cutoff.high == highest_hz


@pytest.mark.parametrize("structure", ["ladder", "direct"])
def test_the_learned_filter_has_its_transfer_function_where_its_logits_are_constant(
    structure: Literal["ladder", "direct"],
) -> None:
    audio = 2 * torch.rand(1, AUDIO.n_samples, generator=generator(5, "noise")) - 1
    logits = torch.tensor([0.3, -0.4, 0.5, 0.2, -0.1]).expand(1, AUDIO.n_frames, 5)
    for interpolate in INTERPOLATIONS:
        learned = LearnedFilter(125, interpolate=interpolate, structure=structure)
        b, a = learned.transfer(logits[0, 0])
        expected = lfilter(b.numpy(), [1, *a.tolist()], audio[0].numpy())
        filtered = learned(audio, logits, torch.ones(1, AUDIO.n_frames))
        np.testing.assert_allclose(filtered[0].numpy(), expected, atol=1e-5)


INTERPOLATIONS: tuple[Literal["coefficients", "logits"], ...] = ("coefficients", "logits")


@pytest.mark.parametrize("hop_length", [1, 125])
def test_random_logits_never_let_a_ladder_grow(hop_length: int) -> None:
    """No second half of a clip is much louder than its first; in direct form a hop of 1 overflows in all clips."""
    n_samples, draw = 8000, generator(6, "logits")
    n_frames = n_samples // hop_length + 1
    audio = 2 * torch.rand(8, n_samples, generator=draw) - 1
    logits = 4 * torch.randn(8, n_frames, 5, generator=draw)
    for interpolate in INTERPOLATIONS:
        filtered = LearnedFilter(hop_length, interpolate=interpolate)(audio, logits, torch.ones(8, n_frames))
        first, second = filtered.split(n_samples // 2, 1)
        assert bool((second.norm(dim=1) < 10 * first.norm(dim=1)).all())
    if hop_length == 1:
        direct = LearnedFilter(1, structure="direct")(audio, logits, torch.ones(8, n_frames))
        assert not bool((direct.abs().amax(1) < 1e30).any())


def test_both_interpolations_of_the_learned_filter_agree_where_its_logits_are_constant() -> None:
    audio = 2 * torch.rand(1, AUDIO.n_samples, generator=generator(5, "noise")) - 1
    logits = torch.tensor([0.3, -0.4, 0.5, 0.2, -0.1]).expand(1, AUDIO.n_frames, 5)
    gain = torch.rand(1, AUDIO.n_frames, generator=generator(5, "gain"))
    by_coefficients = LearnedFilter(125, interpolate="coefficients")(audio, logits, gain)
    by_logits = LearnedFilter(125, interpolate="logits")(audio, logits, gain)
    torch.testing.assert_close(by_coefficients, by_logits, atol=1e-5, rtol=1e-4)
