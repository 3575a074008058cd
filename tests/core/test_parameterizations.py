"""Curves: known answers, bounds, gradients, and slow references."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BPoly

from core.data.sources.synthetic import curve_from_segments
from core.errors import ConfigError
from core.ops.bezier import evaluate, evaluate_over_time, knots
from core.ops.control_points import blend_with_chord
from core.ops.low_pass import lowpass_kernel
from core.parameterizations.frame import Frame
from core.parameterizations.low_pass import LowPass
from core.parameterizations.random_spline import random_splines
from core.parameterizations.spline import Spline
from core.seeding import generator
from core.settings.dotted import nest
from core.settings.loading import apply_settings, preset_named
from core.settings.rules import check

FRAME_RATES = (125.0, 160.0, 250.0, 500.0)


def magnitude_db(taps: torch.Tensor, frequency_hz: float, frame_rate: float) -> float:
    n = torch.arange(len(taps)) - len(taps) // 2
    response = (taps * torch.cos(2 * math.pi * frequency_hz / frame_rate * n)).sum()
    return 20 * math.log10(abs(float(response)))


class TestLowPass:
    @pytest.mark.parametrize("frame_rate", FRAME_RATES)
    @pytest.mark.parametrize("share", [0.004, 0.01, 0.033, 0.05, 0.071, 0.088, 0.1])
    def test_minus_3_db_point_lies_within_a_tenth_of_the_cutoff(self, frame_rate: float, share: float) -> None:
        cutoff_hz = share * frame_rate
        taps = lowpass_kernel(cutoff_hz, frame_rate)
        assert magnitude_db(taps, 0.9 * cutoff_hz, frame_rate) > -3.0103
        assert magnitude_db(taps, 1.1 * cutoff_hz, frame_rate) < -3.0103

    def test_response_matches_the_reference_at_8_hz_and_500_frames_per_second(self) -> None:
        taps = lowpass_kernel(8.0, 500.0)
        assert len(taps) == 63
        for frequency_hz, expected_db in ((8, -3.3), (20, -22.9), (25, -40)):
            assert magnitude_db(taps, frequency_hz, 500.0) == pytest.approx(expected_db, abs=0.6)

    @given(st.floats(0.5, 50), st.sampled_from(FRAME_RATES))
    def test_kernel_is_a_symmetric_average(self, cutoff_hz: float, frame_rate: float) -> None:
        if cutoff_hz > frame_rate / 10:
            with pytest.raises(ValueError, match="at least 11 taps"):
                lowpass_kernel(cutoff_hz, frame_rate)
            return
        taps = lowpass_kernel(cutoff_hz, frame_rate)
        assert float(taps.min()) >= 0
        assert float(taps.sum()) == pytest.approx(1, abs=1e-12)
        torch.testing.assert_close(taps, taps.flip(0))

    def test_constant_is_a_fixed_point_and_bounds_hold(self) -> None:
        lowpass = LowPass(8.0, 125.0)
        constant = torch.full((1, 3, 126), 0.3)
        torch.testing.assert_close(lowpass(constant), constant)
        rough = (torch.rand(4, 3, 126, generator=generator(0, "rough")) > 0.5).float()
        smooth = lowpass(rough)
        assert float(smooth.min()) >= 0
        assert float(smooth.max()) <= 1 + 1e-6

    def test_filter_equals_numpy_convolution_of_the_padded_curve(self) -> None:
        curve = torch.rand(1, 1, 200, generator=generator(0, "curve"))
        taps = lowpass_kernel(6.0, 125.0).numpy()
        padded = np.pad(curve[0, 0].numpy(), len(taps) // 2, mode="edge")
        np.testing.assert_allclose(
            LowPass(6.0, 125.0)(curve)[0, 0].numpy(), np.convolve(padded, taps, "valid"), rtol=1e-5
        )

    def test_fast_modulation_is_removed_and_slow_kept(self) -> None:
        time = torch.arange(500) / 125
        slow, fast = (0.5 + 0.5 * torch.sin(2 * math.pi * f * time) for f in (1.0, 30.0))
        lowpass = LowPass(8.0, 125.0)
        assert float((lowpass(slow[None, None]) - slow).abs().max()) < 0.05
        assert float((lowpass(fast[None, None])[..., 20:-20] - 0.5).abs().max()) < 0.01


class TestBezier:
    def test_cubic_is_reproduced_exactly(self) -> None:
        # Equal inner knots make x the identity; the Bernstein coefficients of t^3 are 0, 0, 0, 1.
        x = torch.linspace(0, 1, 4, dtype=torch.float64)
        y = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)
        time = torch.linspace(0, 1, 101, dtype=torch.float64)
        torch.testing.assert_close(evaluate_over_time(x, y, 3, time), time**3, atol=1e-12, rtol=0)

    @pytest.mark.parametrize("degree", [1, 2, 3])
    @pytest.mark.parametrize("n_segments", [1, 3, 8])
    def test_evaluation_equals_scipy(self, degree: int, n_segments: int) -> None:
        points = torch.rand(n_segments * degree + 1, dtype=torch.float64, generator=generator(0, "points"))
        t = torch.linspace(0, 1, 157, dtype=torch.float64)
        coefficients = np.stack([points[s * degree : (s + 1) * degree + 1].numpy() for s in range(n_segments)], 1)
        reference = BPoly(coefficients, np.linspace(0, 1, n_segments + 1))(t.numpy())
        np.testing.assert_allclose(evaluate(points, degree, t).numpy(), reference, atol=1e-12)

    @pytest.mark.parametrize("degree", [1, 2, 3])
    def test_curve_over_time_equals_a_dense_table_of_its_points(self, degree: int) -> None:
        draw = generator(1, "table", degree)
        spacing = torch.rand(5 * degree, dtype=torch.float64, generator=draw) + 0.05
        x = knots(spacing / spacing.sum())
        y = torch.rand(5 * degree + 1, dtype=torch.float64, generator=draw)
        time = torch.linspace(0, 1, 99, dtype=torch.float64)
        u = torch.linspace(0, 1, 400_001, dtype=torch.float64)
        reference = np.interp(time.numpy(), evaluate(x, degree, u).numpy(), evaluate(y, degree, u).numpy())
        np.testing.assert_allclose(evaluate_over_time(x, y, degree, time).numpy(), reference, atol=2e-5)

    @pytest.mark.parametrize("degree", [1, 2, 3])
    def test_gradient_in_knots_and_values(self, degree: int) -> None:
        draw = generator(2, "gradient", degree)
        # Times away from the knots between segments, where a curve may have a corner.
        time = torch.tensor([0.013, 0.21, 0.43, 0.58, 0.77, 0.967], dtype=torch.float64)
        spacing = (torch.rand(2, 3 * degree, dtype=torch.float64, generator=draw) + 0.3).requires_grad_()
        y = torch.rand(2, 3 * degree + 1, dtype=torch.float64, generator=draw, requires_grad=True)

        def curve(spacing: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return evaluate_over_time(knots(spacing / spacing.sum(-1, keepdim=True)), y, degree, time)

        assert torch.autograd.gradcheck(curve, (spacing, y))

    def test_inverse_is_exact_where_knots_nearly_collide(self) -> None:
        spacing = torch.full((24,), 1e-4, dtype=torch.float64)
        spacing[7], spacing[16] = 1.0, 0.4
        x = knots(spacing / spacing.sum())
        time = torch.linspace(0, 1, 1501, dtype=torch.float64)
        # The curve whose values are its own knots is the identity.
        torch.testing.assert_close(evaluate_over_time(x, x, 3, time), time, atol=1e-10, rtol=0)


class TestSpline:
    @given(st.integers(1, 10), st.integers(1, 3), st.floats(0.1, 30.0), st.integers(0, 1000))
    @settings(max_examples=40)
    def test_curve_stays_in_bounds_and_knots_increase(
        self, n_segments: int, degree: int, scale: float, seed: int
    ) -> None:
        spline = Spline(126, n_segments, degree)
        logits = scale * torch.randn(2, 3, spline.n_tokens, 2, generator=generator(seed, "logits"))
        x, _ = spline.control_points(logits)
        assert float(x.diff(dim=-1).min()) >= 0.9 * 0.05 / spline.n_intervals
        assert float(x[..., 0].abs().max()) == 0
        assert float((x[..., -1] - 1).abs().max()) == 0
        curve = spline(logits)
        assert curve.shape == (2, 3, 126)
        assert float(curve.min()) >= 0
        assert float(curve.max()) <= 1

    def test_gradient_through_logits(self) -> None:
        spline = Spline(40, 3, 3).double()
        logits = torch.randn(1, 2, 10, 2, dtype=torch.float64, generator=generator(3, "logits"), requires_grad=True)
        assert torch.autograd.gradcheck(spline, (logits,))

    def test_forward_warp_evaluates_values_at_warped_time(self) -> None:
        spline = Spline(50, 4, 2, evaluation="forward_warp").double()
        logits = torch.randn(1, 1, 9, 2, dtype=torch.float64, generator=generator(4, "logits"))
        x, y = spline.control_points(logits)
        time = torch.linspace(0, 1, 50, dtype=torch.float64).expand(1, 1, -1)
        torch.testing.assert_close(spline(logits), evaluate(y, 2, evaluate(x, 2, time)))
        literal = Spline(50, 4, 2).double()
        assert float((literal(logits) - spline(logits)).abs().max()) > 1e-3

    def test_both_evaluations_agree_on_equal_knots(self) -> None:
        logits = torch.randn(1, 1, 10, 2, dtype=torch.float64, generator=generator(5, "logits"))
        logits[..., 0] = 0
        literal, warped = (Spline(64, 3, 3, evaluation=how).double()(logits) for how in ("inverse", "forward_warp"))
        torch.testing.assert_close(literal, warped, atol=1e-9, rtol=0)

    def test_chord_curriculum_begins_with_straight_segments(self) -> None:
        points = torch.tensor([0.0, 5.0, 5.0, 3.0, -2.0, 9.0, 0.0])
        torch.testing.assert_close(blend_with_chord(points, 3, 1.0), torch.tensor([0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0]))
        torch.testing.assert_close(blend_with_chord(points, 3, 0.0), points)
        torch.testing.assert_close(blend_with_chord(points, 3, 0.5)[::3], points[::3])

    def test_too_many_free_numbers_are_refused_with_the_largest_that_fits(self) -> None:
        with pytest.raises(ValueError, match=r"n_segments=24 of degree=3 have 145, over n_frames=126; lower.* to 20"):
            Spline(126, 24, 3)
        assert Spline(126, 20, 3).n_tokens == 61
        config = apply_settings(
            preset_named("small"), nest([("parameterization.kind", "spline"), ("parameterization.n_segments", 24)])
        )
        with pytest.raises(ConfigError, match="as many free numbers as frames"):
            check(config)


def test_frame_is_the_sigmoid_of_its_logit() -> None:
    logits = torch.randn(2, 3, 20, 1, generator=generator(0, "logits"))
    torch.testing.assert_close(Frame(20)(logits), 1 / (1 + torch.exp(-logits[..., 0])))


def test_segments_of_degree_one_are_straight_lines_between_their_values() -> None:
    widths = torch.tensor([1.0, 3.0], dtype=torch.float64)
    values = torch.tensor([0.0, 1.0, 0.5], dtype=torch.float64)
    curve = curve_from_segments(widths, values, 1, 9)
    torch.testing.assert_close(curve, torch.tensor([0, 0.5, 1, *(1 - k / 12 for k in range(1, 7))]).double())


def test_random_splines_differ_between_seeds_and_repeat_within_one() -> None:
    first, again, other = (random_splines(2, 3, 126, 24, 3, generator(s, "draw")) for s in (0, 0, 1))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert float((first - other).abs().mean()) > 0.1
