"""Multi-resolution STFT loss: comparison with auraloss in value and gradient."""

import torch
from auraloss.freq import MultiResolutionSTFTLoss
from torch import Tensor

from core.losses.build import build_loss
from core.losses.mss import MultiResolutionStft
from core.seeding import generator
from core.settings.audio import AudioConfig
from core.settings.losses import MultiResolutionStftConfig, Resolution, standard_resolutions

TARGET = torch.rand(3, 8000, generator=generator(0, "audio")) - 0.5


def test_loss_equals_auraloss_in_value_and_gradient() -> None:
    resolutions = standard_resolutions(16_000)
    loss = MultiResolutionStft(resolutions)
    reference = MultiResolutionSTFTLoss(
        [r.n_fft for r in resolutions], [r.hop_length for r in resolutions], [r.win_length for r in resolutions]
    )

    def auraloss(estimate: Tensor, target: Tensor) -> Tensor:
        value: Tensor = reference(estimate[:, None], target[:, None])
        return value

    results = []
    for function in (loss, auraloss):
        estimate = TARGET.flip(0).clone().requires_grad_()
        value = function(estimate, TARGET)
        value.backward()
        assert estimate.grad is not None
        results.append((value.detach(), estimate.grad))
    torch.testing.assert_close(results[0], results[1])


def test_loss_is_built_at_the_resolutions_of_the_config() -> None:
    resolution = Resolution(n_fft=512, hop_length=120, win_length=300)
    loss = build_loss(MultiResolutionStftConfig(resolutions=(resolution,)))
    assert isinstance(loss, MultiResolutionStft)
    assert loss.resolutions == (resolution,)
    standard = build_loss(MultiResolutionStftConfig().resolved(AudioConfig()))
    assert isinstance(standard, MultiResolutionStft)
    assert standard.resolutions == standard_resolutions(16_000)
