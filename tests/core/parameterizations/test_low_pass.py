"""Low-passed frames: response of the kernel, bounds, fixed points, and comparison with numpy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.ops.low_pass import lowpass_kernel
from core.parameterizations.low_pass import LowPass
from core.seeding import generator

FRAME_RATES = (125.0, 160.0, 250.0, 500.0)


def magnitude_db(taps: Tensor, frequency_hz: float, frame_rate: float) -> float:
    n = torch.arange(len(taps)) - len(taps) // 2
    response = (taps * torch.cos(2 * math.pi * frequency_hz / frame_rate * n)).sum()
    return 20 * math.log10(abs(float(response)))


def low_passed(curve: Tensor, cutoff_hz: float, frame_rate: float = 125.0) -> Tensor:
    """The parameterization's curve for logits whose sigmoid is `curve`."""
    low_pass = LowPass(curve.shape[-1], cutoff_hz, frame_rate)
    smooth: Tensor = low_pass(torch.logit(curve)[..., None])
    return smooth


@pytest.mark.parametrize("frame_rate", FRAME_RATES)
@pytest.mark.parametrize("share", [0.004, 0.01, 0.033, 0.05, 0.071, 0.088, 0.1])
def test_minus_3_db_point_lies_within_a_tenth_of_the_cutoff(frame_rate: float, share: float) -> None:
    cutoff_hz = share * frame_rate
    taps = lowpass_kernel(cutoff_hz, frame_rate)
    assert magnitude_db(taps, 0.9 * cutoff_hz, frame_rate) > -3.0103
    assert magnitude_db(taps, 1.1 * cutoff_hz, frame_rate) < -3.0103


def test_response_matches_the_reference_at_8_hz_and_500_frames_per_second() -> None:
    taps = lowpass_kernel(8.0, 500.0)
    assert len(taps) == 63
    for frequency_hz, expected_db in ((8, -3.3), (20, -22.9), (25, -40)):
        assert magnitude_db(taps, frequency_hz, 500.0) == pytest.approx(expected_db, abs=0.6)


@given(st.floats(0.5, 50), st.sampled_from(FRAME_RATES))
def test_kernel_is_a_symmetric_average(cutoff_hz: float, frame_rate: float) -> None:
    if cutoff_hz > frame_rate / 10:
        with pytest.raises(ValueError, match="at least 11 taps"):
            lowpass_kernel(cutoff_hz, frame_rate)
        return
    taps = lowpass_kernel(cutoff_hz, frame_rate)
    assert float(taps.min()) >= 0
    assert float(taps.sum()) == pytest.approx(1, abs=1e-12)
    torch.testing.assert_close(taps, taps.flip(0))


def test_constant_curve_is_a_fixed_point() -> None:
    constant = torch.full((1, 3, 126), 0.3)
    torch.testing.assert_close(low_passed(constant, 8.0), constant)


def test_curves_stay_in_bounds_where_logits_are_extreme() -> None:
    logits = 1e3 * torch.randn(4, 3, 126, 1, generator=generator(0, "rough")).sign()
    smooth = LowPass(126, 8.0, 125.0)(logits)
    assert float(smooth.min()) >= 0
    assert float(smooth.max()) <= 1 + 1e-6
    assert float(smooth.min()) < 0.2 < 0.8 < float(smooth.max())


def test_filter_equals_numpy_convolution_of_the_padded_curve() -> None:
    logits = torch.randn(1, 1, 200, 1, generator=generator(0, "logits"))
    taps = lowpass_kernel(6.0, 125.0).numpy()
    padded = np.pad(torch.sigmoid(logits)[0, 0, :, 0].numpy(), len(taps) // 2, mode="edge")
    smooth = LowPass(200, 6.0, 125.0)(logits)[0, 0]
    np.testing.assert_allclose(smooth.numpy(), np.convolve(padded, taps, "valid"), rtol=1e-5)


def test_fast_movement_is_removed_and_slow_movement_stays() -> None:
    time = torch.arange(500) / 125
    slow, fast = (0.5 + 0.49 * torch.sin(2 * math.pi * f * time) for f in (1.0, 30.0))
    assert float((low_passed(slow[None, None], 8.0) - slow).abs().max()) < 0.05
    assert float((low_passed(fast[None, None], 8.0)[..., 20:-20] - 0.5).abs().max()) < 0.01


def test_taps_follow_the_module_and_are_no_part_of_its_state() -> None:
    low_pass = LowPass(126, 8.0, 125.0)
    assert low_pass.state_dict() == {}
    assert low_pass.double().taps.dtype == torch.float64
