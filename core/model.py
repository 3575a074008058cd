"""A trial's model: something that finds curves, and the synth that plays them."""

from collections.abc import Callable
from typing import Any, assert_never

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.config import (
    ConstantConfig,
    EncoderConfig,
    FrameConfig,
    LowPassConfig,
    RandomSplineConfig,
    SignalConfig,
    SplineConfig,
    TrialConfig,
)
from core.encoder.features import LogMelFeatures
from core.encoder.lfo_net import LfoNet
from core.metrics.catalog import SIGNALS
from core.parameterizations.baselines import random_splines
from core.parameterizations.frame import Frame
from core.parameterizations.lowpass import LowPass
from core.parameterizations.spline import Spline
from core.seeding import initialise
from core.synths.base import Synth
from core.synths.build import build_synth
from core.synths.note import Note


class EncodedCurves(nn.Module):
    """Curves that an encoder hears in the sound."""

    def __init__(self, encoder: LfoNet, parameterization: Frame | Spline) -> None:
        super().__init__()
        self.encoder = encoder
        self.parameterization = parameterization

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        alpha: float = 0.0,
        generator: torch.Generator | None = None,  # noqa: ARG002  (for baselines)
    ) -> Float[Tensor, "batch modulation frame"]:
        curves: Tensor = self.parameterization(self.encoder(audio), alpha)
        return curves


class BaselineCurves(nn.Module):
    """Curves drawn without listening: `draw(batch size, generator)`."""

    def __init__(self, draw: Callable[[int, torch.Generator], Tensor]) -> None:
        super().__init__()
        self.draw = draw

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        alpha: float = 0.0,  # noqa: ARG002  (the curriculum is the encoder's)
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch modulation frame"]:
        if generator is None:
            raise ValueError("curves that are drawn need a generator; give forward one")
        return self.draw(audio.shape[0], generator).to(audio)


class DiscoveryModel(nn.Module):
    """Sound to curves to sound."""

    def __init__(self, curves: EncodedCurves | BaselineCurves, synth: Synth[Any]) -> None:
        super().__init__()
        self.curves = curves
        self.synth = synth

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        note: Note,
        alpha: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> tuple[Float[Tensor, "batch sample"], Float[Tensor, "batch modulation frame"]]:
        """The estimate of the sound, and the recovered curves in 0..1.

        Args:
            alpha: Strength of the training curriculum, 1 to 0; evaluation leaves it at 0.
            generator: Draws baselines' curves and the curriculum's noise.
        """
        modulation = self.curves(audio, alpha, generator)
        return self.synth(modulation, note, alpha, generator), modulation


def build_model(config: TrialConfig) -> DiscoveryModel:
    """The model of a resolved config with its initial weights, equal for equal seeds in whatever two configs share."""
    model = DiscoveryModel(_curves(config), build_synth(config.synth, config.signal))
    initialise(model, config.seed)
    return model


def _curves(config: TrialConfig) -> EncodedCurves | BaselineCurves:
    n_frames, n_modulations = config.signal.n_frames, len(SIGNALS)
    match config.parameterization:
        case FrameConfig():
            return _encoded(config, Frame(n_frames))
        case LowPassConfig(cutoff_hz=cutoff_hz):
            return _encoded(config, Frame(n_frames, LowPass(cutoff_hz, config.signal.frame_rate)))
        case SplineConfig() as spline:
            parameterization = Spline(
                n_frames,
                spline.n_segments,
                spline.degree,
                evaluation=spline.evaluation,
                temperature=spline.temperature,
                min_spacing=spline.min_spacing,
                chord_curriculum=spline.chord_curriculum,
            )
            return _encoded(config, parameterization)
        case RandomSplineConfig(n_segments=n_segments, degree=degree):
            return BaselineCurves(
                lambda batch, generator: random_splines(batch, n_modulations, n_frames, n_segments, degree, generator)
            )
        case ConstantConfig(value=value):
            return BaselineCurves(lambda batch, _: torch.full((batch, n_modulations, n_frames), value))
        case _:
            assert_never(config.parameterization)


def _encoded(config: TrialConfig, parameterization: Frame | Spline) -> EncodedCurves:
    return EncodedCurves(_encoder(config.encoder, config.signal, parameterization), parameterization)


def _encoder(config: EncoderConfig, signal: SignalConfig, parameterization: Frame | Spline) -> LfoNet:
    features = LogMelFeatures(
        signal.sample_rate, signal.hop_length * config.stride, config.n_fft, config.n_mels, config.delta_window_s
    )
    return LfoNet(
        features,
        n_modulations=len(SIGNALS),
        n_tokens=parameterization.n_tokens,
        n_outputs=parameterization.n_outputs,
        width=config.width,
        kernel=(config.kernel_mel, config.kernel_time),
        dilations=config.dilations,
        head_hidden=config.head_hidden,
        stride=config.stride,
        precision=config.precision,
    )
