"""The contract of a parameterization, and of a baseline."""

from collections.abc import Callable, Iterator
from typing import get_args

import torch
from torch import Tensor

from core.parameterizations.base import Baseline, Parameterization
from core.parameterizations.build import build_parameterization
from core.seeding import generator
from core.settings.audio import AudioConfig
from core.settings.parameterizations import ParameterizationConfig

AUDIO = AudioConfig(sample_rate=16_000, duration_s=1.0, hop_length=125)
BATCH, N_MODULATIONS = 2, 3
Check = Callable[[ParameterizationConfig], None]


def every_parameterization() -> Iterator[ParameterizationConfig]:
    """The configs that together run every kernel of every parameterization."""
    for cls in get_args(ParameterizationConfig):
        yield from cls.warm_ups()


def it_is_a_baseline_if_its_config_says_so(config: ParameterizationConfig) -> None:
    built = build_parameterization(config, AUDIO)
    assert isinstance(built, Baseline if config.is_baseline else Parameterization)
    if isinstance(built, Parameterization):
        assert built.n_tokens >= 1
        assert built.n_outputs >= 1


def curves_have_a_value_per_frame_in_the_unit_range(config: ParameterizationConfig) -> None:
    for scale in (1.0, 30.0):
        curves = _curves(config, scale)
        assert curves.shape == (BATCH, N_MODULATIONS, AUDIO.n_frames)
        assert bool(((curves >= 0) & (curves <= 1)).all()), f"curves leave 0..1 at logits of scale {scale}"


def a_clip_has_the_same_curves_alone_and_in_a_batch(config: ParameterizationConfig) -> None:
    built = build_parameterization(config, AUDIO)
    if isinstance(built, Parameterization):
        logits = _logits(built)
        for i in range(BATCH):
            part = slice(i, i + 1)
            torch.testing.assert_close(built(logits[part]), built(logits)[part])


def the_curriculum_ends_at_the_curves_themselves(config: ParameterizationConfig) -> None:
    built = build_parameterization(config, AUDIO)
    if isinstance(built, Parameterization):
        logits = _logits(built)
        assert torch.equal(built(logits, 0.0), built(logits))
        assert bool(built(logits, 1.0).isfinite().all())


def gradients_equal_finite_differences(config: ParameterizationConfig) -> None:
    built = build_parameterization(config, AUDIO)
    if isinstance(built, Parameterization):
        built = built.double()
        logits = 0.5 * torch.randn(
            1, 1, built.n_tokens, built.n_outputs, dtype=torch.float64, generator=generator(1, "logits")
        )
        assert torch.autograd.gradcheck(built, (logits.requires_grad_(),), atol=1e-5, rtol=1e-3, fast_mode=True)


def a_curve_is_described_by_no_more_numbers_than_frames(config: ParameterizationConfig) -> None:
    built = build_parameterization(config, AUDIO)
    if isinstance(built, Parameterization):
        numbers = built.numbers(_logits(built))
        assert numbers.shape == (BATCH, N_MODULATIONS)
        assert bool(((numbers > 0) & (numbers <= built.n_numbers)).all())
        assert built.n_numbers <= AUDIO.n_frames


def a_penalty_is_one_number_that_fades_in_with_the_curriculum(config: ParameterizationConfig) -> None:
    built = build_parameterization(config, AUDIO)
    if isinstance(built, Parameterization):
        logits = _logits(built)
        assert built.penalty(logits).shape == ()
        assert 0 == float(built.penalty(logits, 1.0)) <= float(built.penalty(logits))


def a_baseline_follows_its_generator_alone(config: ParameterizationConfig) -> None:
    built = build_parameterization(config, AUDIO)
    if isinstance(built, Baseline):
        first, again = (built(BATCH, N_MODULATIONS, generator(4, "curves"), _true_curves()) for _ in range(2))
        assert torch.equal(first, again)


CHECKS: tuple[Check, ...] = (
    it_is_a_baseline_if_its_config_says_so,
    curves_have_a_value_per_frame_in_the_unit_range,
    a_clip_has_the_same_curves_alone_and_in_a_batch,
    the_curriculum_ends_at_the_curves_themselves,
    gradients_equal_finite_differences,
    a_curve_is_described_by_no_more_numbers_than_frames,
    a_penalty_is_one_number_that_fades_in_with_the_curriculum,
    a_baseline_follows_its_generator_alone,
)


def _curves(config: ParameterizationConfig, scale: float) -> Tensor:
    config.check(AUDIO)
    built = build_parameterization(config, AUDIO)
    curves: Tensor = (
        built(BATCH, N_MODULATIONS, generator(0, "curves"), _true_curves())
        if isinstance(built, Baseline)
        else built(scale * _logits(built))
    )
    return curves


def _true_curves() -> Tensor:
    return torch.rand(BATCH, N_MODULATIONS, AUDIO.n_frames, generator=generator(0, "true curves"))


def _logits(built: Parameterization) -> Tensor:
    return torch.randn(BATCH, N_MODULATIONS, built.n_tokens, built.n_outputs, generator=generator(0, "logits"))
