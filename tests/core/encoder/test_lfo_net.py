"""LFO-net: shapes for any stride, batched heads against single ones, and bf16."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from core.encoder.lfo_net import Head, logits_of_heads
from core.errors import ConfigError
from core.seeding import generator
from core.settings.audio import AudioConfig
from core.settings.parameterizations import FrameConfig, ParameterizationConfig, SplineConfig
from core.settings.presets import SMALL
from core.settings.trial import TrialConfig
from core.training.model import EncodedCurves, build_model
from core.training.resolve import resolve


def configured(
    stride: int = 1,
    precision: Literal["fp32", "bf16"] = "fp32",
    parameterization: ParameterizationConfig | None = None,
) -> TrialConfig:
    config = SMALL.config
    return replace(
        config,
        device="cpu",
        audio=AudioConfig(sample_rate=16_000, duration_s=0.25, hop_length=125),
        encoder=replace(config.encoder, stride=stride, precision=precision),
        parameterization=parameterization or FrameConfig(),
    )


def curves_of(config: TrialConfig) -> Tensor:
    audio = torch.rand(2, config.audio.n_samples, generator=generator(0, "audio")) - 0.5
    with torch.no_grad():
        curves: Tensor = build_model(resolve(config).config).curves(audio).modulation
    return curves


def heads_of(width: int, hidden: int, n_tokens: int, n_outputs: int, initialise: Callable[[Head], None]) -> list[Head]:
    heads = [Head(width, hidden, n_tokens, n_outputs) for _ in range(3)]
    for head in heads:
        initialise(head)
    return heads


def linears_of(head: Head) -> list[nn.Linear]:
    return [layer for layer in head.mlp if isinstance(layer, nn.Linear)]


@pytest.mark.parametrize("parameterization", [FrameConfig(), SplineConfig(n_segments=4, degree=1)])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_curves_have_all_frames_for_any_stride(stride: int, parameterization: ParameterizationConfig) -> None:
    assert curves_of(configured(stride, parameterization=parameterization)).shape == (2, 3, 33)


def test_stride_must_divide_the_hops_of_a_clip() -> None:
    with pytest.raises(ConfigError, match=r"encoder.stride must divide the clip's 32 hops; got 3"):
        resolve(configured(stride=3))


@pytest.mark.parametrize("skip", ["none", "log_mel"])
def test_only_the_skipped_spectrogram_tells_the_level_of_a_clip(skip: Literal["none", "log_mel"]) -> None:
    config = configured()
    config = resolve(replace(config, encoder=replace(config.encoder, skip=skip))).config
    curves = build_model(config).curves
    # Far above the floor of the features, where a gain only shifts all of their logarithms.
    audio = torch.rand(2, config.audio.n_samples, generator=generator(0, "audio")) - 0.5
    with torch.no_grad():
        change = float((curves(10 * audio).modulation - curves(audio).modulation).abs().max())
    assert change > 1e-3 if skip == "log_mel" else change < 1e-5


def test_states_between_the_frames_of_the_network_are_interpolated() -> None:
    def pass_first_state(head: Head) -> None:
        for layer, weight in zip(linears_of(head), ([[1.0, 0.0]], [[1.0]], [[1.0]]), strict=True):
            layer.weight.data, layer.bias.data = torch.tensor(weight), torch.zeros(1)

    heads = heads_of(4, 1, 5, 1, pass_first_state)
    states = torch.tensor([0.0, 1.0, 4.0])[None, None, :, None].expand(3, 2, 3, 2)
    logits = logits_of_heads(states, heads, stride=2)
    assert logits.shape == (2, 3, 5, 1)
    torch.testing.assert_close(logits[0, 0, :, 0], torch.tensor([0.0, 0.5, 1.0, 2.5, 4.0]))


def test_heads_in_one_product_equal_heads_one_by_one() -> None:
    def randomise_slope(head: Head) -> None:
        activation = head.mlp[1]
        assert isinstance(activation, nn.PReLU)
        activation.weight.data.uniform_()

    with torch.random.fork_rng():
        torch.manual_seed(0)
        heads = heads_of(6, 5, 9, 2, randomise_slope)
        states = torch.randn(3, 2, 9, 10)
    together = logits_of_heads(states, heads, stride=1)
    alone = torch.stack([head.mlp(state) for head, state in zip(heads, states, strict=True)], 1)
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)


def test_bf16_gives_nearly_the_curves_of_fp32_and_trains() -> None:
    exact, rounded = curves_of(configured()), curves_of(configured(precision="bf16"))
    assert not torch.equal(exact, rounded)
    torch.testing.assert_close(exact, rounded, atol=0.02, rtol=1e-5)
    model = build_model(resolve(configured(precision="bf16")).config)
    assert isinstance(model.curves, EncodedCurves)
    model.curves(torch.rand(1, 4000, generator=generator(0, "audio"))).modulation.sum().backward()
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    for parameter in model.curves.parameters():
        assert parameter.grad is not None
        assert bool(parameter.grad.isfinite().all())
