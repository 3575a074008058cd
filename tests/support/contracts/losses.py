"""The contract of a loss."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from core.losses.base import Loss
from core.losses.build import build_loss
from core.seeding import generator
from core.settings.audio import AudioConfig
from core.settings.losses import LossConfig
from core.settings.schema import setting_types, variants_of
from core.settings.trial import TrialConfig

AUDIO = AudioConfig(sample_rate=16_000, duration_s=0.5, hop_length=125)
Check = Callable[[LossConfig], None]


def every_loss() -> Iterator[LossConfig]:
    for cls in variants_of(setting_types(TrialConfig)["loss"]):
        yield cls()


def it_is_zero_at_equality(config: LossConfig) -> None:
    assert float(_loss(config)(_audio(0), _audio(0))) == 0


def it_is_positive_elsewhere_and_finite_in_silence(config: LossConfig) -> None:
    assert float(_loss(config)(_audio(1), _audio(0))) > 0
    assert bool(_loss(config)(torch.zeros_like(_audio(0)), _audio(0)).isfinite())


def its_gradient_is_finite(config: LossConfig) -> None:
    for estimate in (_audio(1), _audio(0), torch.zeros_like(_audio(0))):
        estimate = estimate.clone().requires_grad_()
        _loss(config)(estimate, _audio(0)).backward()
        assert estimate.grad is not None
        assert bool(estimate.grad.isfinite().all())


CHECKS: tuple[Check, ...] = (
    it_is_zero_at_equality,
    it_is_positive_elsewhere_and_finite_in_silence,
    its_gradient_is_finite,
)


def _loss(config: LossConfig) -> Loss:
    config.check(AUDIO)
    return build_loss(config.resolved(AUDIO))


def _audio(seed: int) -> Tensor:
    return torch.rand(2, AUDIO.n_samples, generator=generator(seed, "audio")) - 0.5
