"""Construction of the encoder from its config."""

from core.encoder.features import LogMelFeatures
from core.encoder.lfo_net import LfoNet
from core.parameterizations.base import Parameterization
from core.settings.audio import AudioConfig
from core.settings.encoder import EncoderConfig


def build_encoder(
    config: EncoderConfig,
    audio: AudioConfig,
    parameterization: Parameterization,
    n_modulations: int,
    free_controls: tuple[int, ...] = (),
) -> LfoNet:
    """The encoder whose heads predict the parameterization's logits, one head per modulation.

    Args:
        config: Settings of the encoder.
        audio: Settings of the clips.
        parameterization: Defines numbers of tokens and outputs.
        n_modulations: Number of curves.
        free_controls: Numbers of controls that further heads predict per frame, for a granular synth.
    """
    features = LogMelFeatures(
        audio.sample_rate, audio.hop_length * config.stride, config.n_fft, config.n_mels, config.delta_window_s
    )
    return LfoNet(
        features,
        n_modulations=n_modulations,
        n_tokens=parameterization.n_tokens,
        n_outputs=parameterization.n_outputs,
        width=config.width,
        kernel=(config.kernel_mel, config.kernel_time),
        dilations=config.dilations,
        head_hidden=config.head_hidden,
        stride=config.stride,
        skip=config.skip,
        precision=config.precision,
        n_frames=audio.n_frames,
        free_controls=free_controls,
    )
