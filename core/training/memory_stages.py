"""Memory of the stages of a model and its loss, in bytes, from their settings: the tensors that can dominate.

The sizes are those that the operations in `core.ops` allocate on the CPU. A stage keeps tensors for the gradient, and
needs others while it runs forward or backward.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from core.ops.sizes import low_pass_half_length
from core.settings.audio import AudioConfig
from core.settings.encoder import EncoderConfig
from core.settings.losses import LossConfig, MultiResolutionStftConfig, Resolution, standard_resolutions
from core.settings.parameterizations import (
    ConstantConfig,
    FrameConfig,
    LowPassConfig,
    ParameterizationConfig,
    RandomSplineConfig,
    SplineConfig,
)
from core.settings.synths import (
    EngelConfig,
    FilterConfig,
    FrozenWavetableConfig,
    LearnableWavetableConfig,
    LearnedFilterConfig,
    ModSynthConfig,
    OscillatorConfig,
    RbjFilterConfig,
    SynthConfig,
)
from core.settings.trial import TrialConfig

FLOAT, DOUBLE, COMPLEX = 4.0, 8.0, 8.0
"""Bytes of a float32, a float64 and a pair of float32."""
LARGEST_TABLE = (256, 2048)
"""Cycles, and samples per cycle, that are assumed of a wavetable in a file, as synths write them."""
BUILTIN_TABLE = (64, 1024)
"""Cycles, and samples per cycle, of the built-in wavetables."""
# The operations import torch, which the estimate need not wait for; a test compares these values with theirs.
LSTM_KERNEL_HIDDEN = 32
"""Largest hidden size of the LSTM kernel, `core.ops.lstm.MAX_HIDDEN`."""
FEATURE_CHUNK = 2**18
"""Samples of windowed frames per chunk of the features, as in `core.ops.log_mel`."""
LOSS_CHUNK = 2**19
"""Samples of windowed frames per chunk of the loss, as in `core.ops.stft_sums`."""
ADAPTER_BLOCK = 2**17
"""Activations of one layer in a block, as in `core.ops.adapters`."""
MIN_PHASE_FRAMES = 12
"""Frames per phase from which a dilated convolution copies its input, as in `core.ops.convolution`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Memory of a part of a training step in bytes."""

    kept: float = 0.0
    """Tensors kept for the gradient."""
    forward: float = 0.0
    """Tensors that are needed besides while it runs."""
    backward: float = 0.0
    """Tensors that are needed besides while its gradient is computed."""
    n_parts: int = 1
    """Number of equal parts that run one after the other if nothing is kept for a gradient."""
    result: float = 0.0
    """What it hands on to the next stage."""

    @property
    def inference(self) -> float:
        """All tensors while it runs without a gradient."""
        return (self.kept + self.forward) / self.n_parts


def model_stages(config: TrialConfig, batch: int) -> Iterator[Stage]:
    """The stages of the model for a batch of clips, in the order in which they run.

    Args:
        config: A config.
        batch: Number of clips.
    """
    audio, n_modulations = config.audio, len(config.synth.modulations)
    if not config.parameterization.is_baseline:
        yield from _encoder_stages(config.encoder, audio, batch)
        tokens = n_tokens(config.parameterization, audio)
        yield _recurrent_stage(config.encoder, audio, batch, n_modulations)
        yield _head_stage(config.encoder, batch * tokens, n_modulations, n_outputs(config.parameterization))
    curves = batch * n_modulations * audio.n_frames
    yield Stage(kept=6 * curves * DOUBLE, forward=4 * curves * DOUBLE, backward=4 * curves * DOUBLE)
    yield from _synth_stages(config.synth, audio, batch)


def loss_stages(config: LossConfig, audio: AudioConfig, batch: int) -> Iterator[Stage]:
    """The stages of the loss for a batch of clips."""
    match config:
        case MultiResolutionStftConfig():
            for resolution in config.resolutions or standard_resolutions(audio.sample_rate):
                yield _stft_stage(resolution, audio.n_samples, batch)
        case _:
            assert_never(config)


def model_weights(config: TrialConfig) -> float:
    """Number of weights of the model that are trained."""
    n_modulations = len(config.synth.modulations)
    encoder = 0.0
    if not config.parameterization.is_baseline:
        encoder = _encoder_weights(config.encoder, n_modulations, n_outputs(config.parameterization))
    return encoder + _synth_weights(config.synth)


def filterbank_bytes(encoder: EncoderConfig) -> tuple[float, float]:
    """Bytes of the encoder's filterbank, and of what its construction needs besides."""
    table = float(encoder.n_fft // 2 + 1) * (encoder.n_mels + 2) * FLOAT
    return table, 5 * table


def wavetable_size(oscillator: OscillatorConfig) -> tuple[int, int]:
    """Cycles of a wavetable and samples per cycle; an assumption for a table in a file, which is not read."""
    match oscillator:
        case LearnableWavetableConfig():
            return oscillator.n_positions, oscillator.table_length
        case FrozenWavetableConfig():
            is_file = "/" in oscillator.wavetable or "." in oscillator.wavetable
            return LARGEST_TABLE if is_file else BUILTIN_TABLE
        case _:
            assert_never(oscillator)


def n_tokens(parameterization: ParameterizationConfig, audio: AudioConfig) -> int:
    """Tokens per clip and modulation that the encoder predicts; 0 for a baseline."""
    match parameterization:
        case FrameConfig() | LowPassConfig():
            return audio.n_frames
        case SplineConfig():
            return parameterization.n_segments * parameterization.degree + 1
        case RandomSplineConfig() | ConstantConfig():
            return 0
        case _:
            assert_never(parameterization)


def n_outputs(parameterization: ParameterizationConfig) -> int:
    """Numbers per token that the encoder predicts."""
    return 2 if isinstance(parameterization, SplineConfig) else 1


def taps_bytes(parameterization: ParameterizationConfig, audio: AudioConfig) -> float:
    """Bytes of the taps of a low-pass, and of the signals that are as long as they are."""
    if not isinstance(parameterization, LowPassConfig):
        return 0.0
    return 12.0 * low_pass_half_length(parameterization.cutoff_hz, audio.frame_rate) * DOUBLE


# ---------------------------------------------------------------------------------------------------------------------


def encoder_frames(encoder: EncoderConfig, audio: AudioConfig) -> int:
    """Frames of a clip in the encoder."""
    return (audio.n_frames - 1) // encoder.stride + 1


def _encoder_stages(encoder: EncoderConfig, audio: AudioConfig, batch: int) -> Iterator[Stage]:
    """Features and convolutional blocks."""
    n_frames, n_fft = encoder_frames(encoder, audio), encoder.n_fft
    features = float(batch) * 3 * encoder.n_mels * n_frames * FLOAT
    chunk = min(n_frames, max(32, FEATURE_CHUNK // (batch * n_fft)))
    frames = float(batch) * chunk * n_fft * FLOAT
    reflected = float(batch) * (audio.n_samples + n_fft) * FLOAT
    # Windowed frames and their spectrum; the layer norm copies the features.
    yield Stage(kept=features, forward=features + reflected + 3 * frames, result=features)
    channels, n_mels, width = 3, encoder.n_mels, encoder.width
    low_precision = 2.0 if encoder.precision == "bf16" else 1.0
    for dilation in encoder.dilations:
        cells = float(batch) * n_mels * n_frames
        taken, given, pooled = cells * channels * FLOAT, cells * width * FLOAT, cells / 2 * width
        phase_frames = -(-n_frames // dilation)
        by_phases = dilation > 1 and phase_frames >= MIN_PHASE_FRAMES
        copies = 2.0 if by_phases else 1.0
        yield Stage(
            # Maxima and normalised values as float32, and which of two bands was the maximum as a byte.
            kept=pooled * (2 * FLOAT + 1) + (taken if by_phases else 0.0) + (low_precision - 1) * taken,
            forward=copies * low_precision * given + (copies - 1) * taken,
            backward=copies * low_precision * (given + taken) + pooled * FLOAT,
            result=pooled * FLOAT,
        )
        channels, n_mels = width, n_mels // 2


def _recurrent_stage(encoder: EncoderConfig, audio: AudioConfig, batch: int, n_heads: int) -> Stage:
    """All bidirectional LSTMs."""
    rows, hidden, n_cells = float(batch) * encoder_frames(encoder, audio), encoder.head_hidden, 2 * n_heads
    latent = rows * encoder.width * FLOAT
    gates, states = n_cells * rows * 4 * hidden * FLOAT, n_cells * rows * hidden * FLOAT
    if hidden <= LSTM_KERNEL_HIDDEN:
        return Stage(
            kept=2 * latent + gates + 4 * states,
            forward=n_cells * latent,
            backward=gates + 2 * states,
            result=states,
        )
    # torch keeps the workspace of its library for each LSTM.
    return Stage(
        kept=2 * latent + 2 * gates + 4 * states,
        forward=gates,
        backward=2 * gates + 2 * states,
        n_parts=n_heads,
        result=states,
    )


def _head_stage(encoder: EncoderConfig, rows: int, n_heads: int, outputs: int) -> Stage:
    """The perceptrons of all heads, each over a number of rows."""
    entries, middle = 2 * encoder.head_hidden, (2 * encoder.head_hidden + outputs) // 2
    per_row = float(n_heads) * rows * FLOAT
    interpolated = 2 * entries if encoder.stride > 1 else 0
    return Stage(
        kept=per_row * (entries + 4 * middle + outputs),
        forward=per_row * interpolated,
        backward=per_row * (entries + 2 * middle + interpolated),
    )


def _encoder_weights(encoder: EncoderConfig, n_heads: int, outputs: int) -> float:
    channels, weights = 3, 0.0
    for _ in encoder.dilations:
        weights += float(channels) * encoder.width * encoder.kernel_mel * encoder.kernel_time + 2 * encoder.width
        channels = encoder.width
    hidden = float(encoder.head_hidden)
    middle = (2 * encoder.head_hidden + outputs) // 2
    lstm = 2 * 4 * hidden * (encoder.width + hidden + 2)
    perceptron = 2 * hidden * middle + float(middle) * middle + middle * (2 + outputs) + outputs
    return weights + n_heads * (lstm + perceptron)


def _synth_stages(synth: SynthConfig, audio: AudioConfig, batch: int) -> Iterator[Stage]:
    """The parts of a synth."""
    samples, rows = float(batch) * audio.n_samples * FLOAT, float(batch) * audio.n_frames
    match synth:
        case ModSynthConfig():
            n_cycles, length = wavetable_size(synth.oscillator)
            tables = float(batch) * n_cycles * length * FLOAT
            learns = isinstance(synth.oscillator, LearnableWavetableConfig)
            yield Stage(
                kept=tables + samples,
                forward=1.5 * tables,
                backward=3 * tables if learns else 0.0,
                result=samples,
            )
            yield from _filter_stages(synth.filter, samples, rows)
        case EngelConfig():
            # Logits, sigmoids, powers and amplitudes; for harmonics also their shares and the products.
            for n_controls, n_kept in ((1 + synth.n_harmonics, 7), (synth.n_noise_bands, 5)):
                yield _adapter_stage(n_controls, rows)
                controls = rows * n_controls * FLOAT
                yield Stage(kept=n_kept * controls, forward=2 * controls, backward=4 * controls, result=controls)
            filters = rows * synth.noise_taps * FLOAT
            yield Stage(kept=filters + 6 * samples, forward=2 * samples, backward=filters + 4 * samples)
        case _:
            assert_never(synth)


def _filter_stages(filter_: FilterConfig, samples: float, rows: float) -> Iterator[Stage]:
    """The filter of a Mod. Synth, with `samples` the bytes of its sound and `rows` the number of its frames."""
    match filter_:
        case RbjFilterConfig():
            yield Stage(kept=2 * samples + 20 * rows * FLOAT, forward=samples, backward=3 * samples)
        case LearnedFilterConfig():
            yield _adapter_stage(5, rows)
            if filter_.interpolate == "coefficients":
                yield Stage(kept=2 * samples + 20 * rows * FLOAT, forward=samples, backward=3 * samples)
            else:
                yield Stage(kept=40 * samples, forward=20 * samples, backward=20 * samples)
        case _:
            assert_never(filter_)


def _adapter_stage(n_controls: int, rows: float) -> Stage:
    """An adapter: one small network per control over a number of rows."""
    layer = float((2 + n_controls) // 2) * rows
    block = max(min(layer * n_controls, ADAPTER_BLOCK), layer) * FLOAT
    return Stage(kept=layer * n_controls * FLOAT, forward=block, backward=2 * block, result=rows * n_controls * FLOAT)


def _synth_weights(synth: SynthConfig) -> float:
    """Number of weights of a synth that are trained."""
    match synth:
        case ModSynthConfig():
            n_cycles, length = wavetable_size(synth.oscillator)
            is_learned = isinstance(synth.oscillator, LearnableWavetableConfig)
            oscillator = float(n_cycles) * length + _adapter_weights(1) if is_learned else 0.0
            return oscillator + (_adapter_weights(5) if isinstance(synth.filter, LearnedFilterConfig) else 0.0)
        case EngelConfig():
            return _adapter_weights(1 + synth.n_harmonics) + _adapter_weights(synth.n_noise_bands)
        case _:
            assert_never(synth)


def _adapter_weights(n_controls: int) -> float:
    hidden = float((2 + n_controls) // 2)
    return n_controls * (hidden * hidden + 5 * hidden + 1)


def synth_constants(synth: SynthConfig) -> float:
    """Bytes of the impulse responses of a noise filter's bands, while they are computed."""
    if not isinstance(synth, EngelConfig):
        return 0.0
    n_bands = float(synth.n_noise_bands)
    return n_bands * n_bands * (DOUBLE + 4 * DOUBLE) + 3 * n_bands * synth.noise_taps * DOUBLE


def _stft_stage(resolution: Resolution, n_samples: int, batch: int) -> Stage:
    """One resolution of the loss, a chunk of clips at a time."""
    n_frames = float(n_samples // resolution.hop_length + 1)
    bins = n_frames * (resolution.n_fft // 2 + 1)
    chunk = min(batch, max(1, int(LOSS_CHUNK // (n_frames * resolution.n_fft))))
    frames = chunk * n_frames * resolution.n_fft * FLOAT
    # Two factors and the spectrum per bin.
    return Stage(
        kept=batch * bins * (2 * FLOAT + COMPLEX), forward=frames + 2 * chunk * bins * COMPLEX, backward=2 * frames
    )
