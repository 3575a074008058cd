"""Metrics: known answers, and the published statistics and chance levels."""

import math

import numpy as np
import pytest
import torch
from auraloss.freq import MultiResolutionSTFTLoss
from hypothesis import given
from hypothesis import strategies as st

from core.clips import Clips
from core.data.sources.synthetic import draw_curve, evaluate_curves
from core.errors import ConfigError
from core.losses.mss import MultiResolutionStft, standard_resolutions
from core.metrics import curves, interpretability
from core.metrics.audio import mel_distance, mss_distance
from core.metrics.catalog import METRICS, SIGNALS, label, metric_info
from core.metrics.evaluation import evaluate_estimates
from core.parameterizations.random_spline import random_splines
from core.seeding import generator


def sine(cycles: float, n_frames: int = 501) -> torch.Tensor:
    return 0.5 + 0.4 * torch.sin(2 * math.pi * cycles * torch.linspace(0, 1, n_frames))


class TestInterpretability:
    def test_ramp_sweeps_once(self) -> None:
        ramp = torch.linspace(0.2, 0.7, 126)
        assert float(interpretability.total_variation(ramp, 125.0)) == pytest.approx(1.0, abs=1e-5)
        assert float(interpretability.turning_points(ramp)) == 0
        assert float(interpretability.value_range(ramp)) == pytest.approx(0.5)

    def test_total_variation_per_second_does_not_depend_on_the_frame_rate(self) -> None:
        for n_frames in (126, 501, 1501):
            curve = sine(3, n_frames)
            assert float(interpretability.total_variation(curve, n_frames - 1.0)) == pytest.approx(6, rel=0.01)

    def test_sine_has_one_spectral_line_and_two_turns_a_cycle(self) -> None:
        curve = sine(5)[:-1]
        noise = torch.rand(500, generator=generator(0, "noise"))
        assert float(interpretability.spectral_entropy(curve)) < 0.15
        assert float(interpretability.spectral_entropy(noise)) > 0.8
        assert float(interpretability.turning_points(sine(5))) == pytest.approx(10 / 499)

    def test_shape_of_a_flat_curve_is_undefined_but_its_range_is_not(self) -> None:
        flat = 0.5 + 0.02 * torch.rand(2, 100, generator=generator(0, "flat"))
        for metric in (interpretability.turning_points, interpretability.spectral_entropy):
            assert bool(metric(flat).isnan().all())
        assert bool(interpretability.total_variation(flat, 125.0).isnan().all())
        assert float(interpretability.value_range(flat).max()) < 0.02

    @given(st.floats(0.1, 1.0), st.floats(-1.0, 1.0))
    def test_shape_does_not_depend_on_scale_and_offset(self, scale: float, offset: float) -> None:
        curve = sine(2.3)
        for metric in (interpretability.turning_points, interpretability.spectral_entropy):
            assert float(metric(scale * curve + offset)) == pytest.approx(float(metric(curve)), rel=1e-2)


class TestCurveDistances:
    def test_l1_and_l1_of_the_central_difference(self) -> None:
        target, estimate = torch.tensor([0.0, 0.0, 0.0, 0.0]), torch.tensor([0.0, 0.2, 0.4, 0.2])
        assert float(curves.l1(target, estimate)) == pytest.approx(0.2)
        assert float(curves.l1_difference(target, estimate)) == pytest.approx(0.1)

    def test_pearson_equals_numpy_and_is_undefined_for_flat_curves(self) -> None:
        draw = generator(0, "pair")
        x, y = torch.rand(50, generator=draw), torch.rand(50, generator=draw)
        assert float(curves.pearson(x, y)) == pytest.approx(float(np.corrcoef(x.numpy(), y.numpy())[0, 1]), abs=1e-5)
        assert math.isnan(float(curves.pearson(x, torch.full((50,), 0.3))))

    def test_fits_undo_linear_mixing(self) -> None:
        estimate = torch.rand(4, 3, 60, generator=generator(1, "estimate"))
        mixing = torch.tensor([[0.5, -0.2, 0.1], [0.0, 1.5, 0.0], [0.3, 0.3, -0.9]])
        target = mixing @ estimate + 0.25
        torch.testing.assert_close(curves.project_on_all(target, estimate), target, atol=1e-5, rtol=0)
        same = curves.project_on_same(target, estimate)
        torch.testing.assert_close(same[:, 1], target[:, 1], atol=1e-5, rtol=0)
        assert float((same[:, 0] - target[:, 0]).abs().mean()) > 0.01

    def test_fit_equals_numpy_least_squares(self) -> None:
        draw = generator(2, "fit")
        target, estimate = torch.rand(1, 3, 40, generator=draw), torch.rand(1, 3, 40, generator=draw)
        design = np.column_stack([estimate[0].numpy().T, np.ones(40)])
        weights, *_ = np.linalg.lstsq(design, target[0].numpy().T, rcond=None)
        np.testing.assert_allclose(curves.project_on_all(target, estimate)[0].numpy(), (design @ weights).T, atol=1e-5)

    def test_fit_of_flat_curves_is_the_mean(self) -> None:
        target = torch.rand(2, 3, 40, generator=generator(3, "target"))
        fit = curves.project_on_all(target, torch.full((2, 3, 40), 0.5))
        torch.testing.assert_close(fit, target.mean(-1, keepdim=True).expand_as(fit), atol=1e-5, rtol=0)


@pytest.fixture(scope="module")
def synthetic() -> torch.Tensor:
    draw = generator(0, "published")
    return evaluate_curves([draw_curve(8, draw) for _ in range(1200)], 1501).view(400, 3, -1)


@pytest.fixture(scope="module")
def splines() -> torch.Tensor:
    return random_splines(400, 3, 1501, 24, 3, generator(1, "published"))


class TestPublishedFigures:
    """Statistics and chance levels of the reference, arXiv 2510.06204 and its public code."""

    @staticmethod
    def statistics(curve: torch.Tensor) -> list[float]:
        return [
            float(value.nanmean())
            for value in (
                interpretability.value_range(curve),
                interpretability.spectral_entropy(curve),
                interpretability.total_variation(curve, 1.0),
                interpretability.turning_points(curve),
            )
        ]

    def test_synthetic_modulations(self, synthetic: torch.Tensor) -> None:
        assert self.statistics(synthetic) == pytest.approx([0.662, 0.498, 0.00188, 0.00324], rel=0.05)

    def test_random_splines(self, splines: torch.Tensor) -> None:
        assert self.statistics(splines) == pytest.approx([0.911, 0.561, 0.00947, 0.0269], rel=0.05)

    def test_chance_levels_of_random_splines(self, synthetic: torch.Tensor, splines: torch.Tensor) -> None:
        expected = {
            "none": (splines, [0.2345, 0.00871, 0.0005]),
            "LLS 1": (curves.project_on_same(synthetic, splines), [0.1385, 0.00191, 0.153]),
            "LLS 3": (curves.project_on_all(synthetic, splines), [0.1331, 0.00283, 0.303]),
        }
        for fit, figures in expected.values():
            measured = [
                float(curves.l1(synthetic, fit).mean()),
                float(curves.l1_difference(synthetic, fit).mean()),
                float(curves.pearson(synthetic, fit).nanmean()),
            ]
            assert measured[:2] == pytest.approx(figures[:2], rel=0.06)
            assert measured[2] == pytest.approx(figures[2], abs=0.025)


class TestAudio:
    AUDIO = torch.rand(3, 8000, generator=generator(0, "audio")) - 0.5

    def test_distances_are_zero_at_equality_and_positive_elsewhere(self) -> None:
        other = self.AUDIO * 0.5
        for distance in (mss_distance, mel_distance):
            assert float(distance(self.AUDIO, self.AUDIO, 16_000).abs().max()) == 0
            assert float(distance(self.AUDIO, other, 16_000).min()) > 0.1

    def test_halving_a_sound_moves_its_log_mel_power_by_ln_4(self) -> None:
        assert mel_distance(self.AUDIO, self.AUDIO / 2, 16_000).tolist() == pytest.approx([math.log(4)] * 3, rel=0.1)

    def test_distance_of_a_clip_does_not_depend_on_the_others(self) -> None:
        together = mss_distance(self.AUDIO, self.AUDIO.flip(0), 16_000)
        alone = mss_distance(self.AUDIO[1:2], self.AUDIO.flip(0)[1:2], 16_000)
        torch.testing.assert_close(together[1:2], alone)

    def test_loss_equals_auraloss_in_value_and_gradient(self) -> None:
        resolutions = standard_resolutions(16_000)
        assert [r.n_fft for r in resolutions] == [512, 1024, 256]
        assert [r.n_fft for r in standard_resolutions(44_100)] == [1024, 2048, 512]
        reference = MultiResolutionSTFTLoss(
            [r.n_fft for r in resolutions], [r.hop_length for r in resolutions], [r.win_length for r in resolutions]
        )
        gradients = []
        for loss in (
            lambda x: MultiResolutionStft(resolutions)(x, self.AUDIO),
            lambda x: reference(x[:, None], self.AUDIO[:, None]),
        ):
            estimate = self.AUDIO.flip(0).clone().requires_grad_()
            value = loss(estimate)
            value.backward()
            gradients.append((value.detach(), estimate.grad))
        torch.testing.assert_close(gradients[0], gradients[1])


class TestEvaluation:
    def clips(self, truth: bool = True) -> Clips:
        draw = generator(0, "clips")
        return Clips(
            ids=("a", "b"),
            audio=torch.rand(2, 8000, generator=draw) - 0.5,
            f0_hz=torch.tensor([100.0, 200.0]),
            q=torch.zeros(2),
            modulation=torch.rand(2, 3, 64, generator=draw) if truth else None,
        )

    def test_every_name_is_known_and_bare_names_are_means_over_signals(self) -> None:
        clips = self.clips()
        estimate = torch.rand(2, 3, 64, generator=generator(1, "estimate"))
        values = evaluate_estimates(clips, clips.audio, estimate, 16_000, 125.0).values
        for name in values:
            metric_info(name)
        assert {info.name for info in METRICS if info.group != "cost"} <= set(values)
        for name in ("curves.l1", "curves.pcc.lls3", "interpretability.tv"):
            parts = [values[f"{name}.{modulation}"] for modulation in SIGNALS]
            assert values[name] == pytest.approx(np.mean([part for part in parts if part is not None]))

    def test_flat_curves_give_null_and_are_counted(self) -> None:
        clips = self.clips()
        estimate = torch.rand(2, 3, 64, generator=generator(1, "estimate"))
        estimate[0] = 0.5
        estimate[1, 2] = 0.5
        evaluation = evaluate_estimates(clips, clips.audio, estimate, 16_000, 125.0)
        assert evaluation.values["interpretability.tv.env"] is None
        assert evaluation.values["interpretability.tv"] is not None
        assert evaluation.undefined["interpretability.tv"] == 4
        assert evaluation.undefined["curves.pcc"] == 4
        assert "curves.l1" not in evaluation.undefined

    def test_without_truth_there_are_no_curve_distances(self) -> None:
        clips = self.clips(truth=False)
        values = evaluate_estimates(clips, clips.audio, torch.rand(2, 3, 64), 16_000, 125.0).values
        assert not [name for name in values if name.startswith("curves.")]
        assert values["audio.mss"] == 0


def test_unknown_metric_names_are_refused() -> None:
    for name in ("audio.foo", "audio.mss.lls3", "curves.l1.lls2", "curves.l1.lls3.foo", "interpretability.tv.lls1"):
        with pytest.raises(ConfigError, match="unknown metric"):
            metric_info(name)
    assert label("interpretability.tv.env") == "interpretability.tv.env (1/s)"
