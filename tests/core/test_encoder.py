"""LFO-net: what a stride and a precision change, and what they leave."""

from dataclasses import replace

import pytest
import torch

from core.encoder.lfo_net import Head, logits_of_heads
from core.errors import ConfigError
from core.seeding import generator
from core.settings.audio import AudioConfig
from core.settings.parameterizations import FrameConfig, SplineConfig
from core.settings.presets import SMALL
from core.settings.trial import TrialConfig
from core.training.model import DiscoveryModel, EncodedCurves, build_model
from core.training.resolve import resolve


def configured(stride: int = 1, precision: str = "fp32", parameterization: object = None) -> TrialConfig:
    config = SMALL.config
    return replace(
        config,
        device="cpu",
        audio=AudioConfig(sample_rate=16_000, duration_s=0.25, hop_length=125),
        encoder=replace(config.encoder, stride=stride, precision=precision),
        parameterization=parameterization or FrameConfig(),
    )


def curves_of(config: TrialConfig) -> torch.Tensor:
    model: DiscoveryModel = build_model(resolve(config).config)
    audio = torch.rand(2, config.audio.n_samples, generator=generator(0, "audio")) - 0.5
    with torch.no_grad():
        return model.curves(audio)


@pytest.mark.parametrize("parameterization", [FrameConfig(), SplineConfig(n_segments=4, degree=1)])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_curves_have_all_frames_whatever_the_stride(stride: int, parameterization: object) -> None:
    assert curves_of(configured(stride, parameterization=parameterization)).shape == (2, 3, 33)


def test_a_stride_must_divide_the_hops_of_a_clip() -> None:
    with pytest.raises(ConfigError, match=r"encoder.stride must divide the clip's 32 hops; got 3"):
        resolve(configured(stride=3))


def test_states_between_heard_frames_are_interpolated() -> None:
    heads = [Head(4, 1, n_tokens=5, n_outputs=1) for _ in range(2)]
    for head in heads:
        # A network that hands its first state through where it is positive.
        for layer, weight in zip(
            (head.mlp[0], head.mlp[2], head.mlp[4]), ([[1.0, 0.0]], [[1.0]], [[1.0]]), strict=True
        ):
            layer.weight.data, layer.bias.data = torch.tensor(weight), torch.zeros(1)
    states = torch.tensor([0.0, 1.0, 4.0])[None, None, :, None].expand(2, 3, 3, 2)
    logits = logits_of_heads(states, heads, stride=2)
    assert logits.shape == (3, 2, 5, 1)
    assert torch.allclose(logits[0, 0, :, 0], torch.tensor([0.0, 0.5, 1.0, 2.5, 4.0]))


def test_heads_in_one_product_equal_heads_one_by_one() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        heads = [Head(6, 5, n_tokens=9, n_outputs=2) for _ in range(3)]
        for head in heads:
            head.mlp[1].weight.data.uniform_()
        states = torch.randn(3, 2, 9, 10)
    together = logits_of_heads(states, heads, stride=1)
    alone = torch.stack([head.mlp(state) for head, state in zip(heads, states, strict=True)], 1)
    assert torch.allclose(together, alone, atol=1e-6)


def test_bf16_gives_nearly_the_curves_of_fp32_and_trains() -> None:
    exact, rounded = curves_of(configured()), curves_of(configured(precision="bf16"))
    assert not torch.equal(exact, rounded)
    assert torch.allclose(exact, rounded, atol=0.02)
    model = build_model(resolve(configured(precision="bf16")).config)
    assert isinstance(model.curves, EncodedCurves)
    model.curves(torch.rand(1, 4000, generator=generator(0, "audio"))).sum().backward()
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    assert all(bool(parameter.grad.isfinite().all()) for parameter in model.curves.parameters())
