"""Memory of the stages of a model, in bytes, from its settings: those of the encoder, and what the configs state."""

from collections.abc import Iterator

from core.settings.audio import AudioConfig
from core.settings.encoder import EncoderConfig
from core.settings.memory import DOUBLE, FLOAT, Stage
from core.settings.trial import TrialConfig

# The operations import torch, which the estimate need not wait for; a test compares these values with theirs.
LSTM_KERNEL_HIDDEN = 32
"""Largest hidden size of the LSTM kernel, `core.ops.lstm.MAX_HIDDEN`."""
FEATURE_CHUNK = 2**18
"""Samples of windowed frames per chunk of the features, as in `core.ops.log_mel`."""
MIN_PHASE_FRAMES = 12
"""Frames per phase from which a dilated convolution copies its input, as in `core.ops.convolution`."""


def model_stages(config: TrialConfig, batch: int) -> Iterator[Stage]:
    """The stages of the model for a batch of clips, in the order in which they run.

    Args:
        config: A config.
        batch: Number of clips.
    """
    audio, n_modulations, free = config.audio, len(config.synth.modulations), config.synth.free_controls
    if (encoded := config.encoded) is not None:
        yield from _encoder_stages(config.encoder, audio, batch)
        tokens = encoded.n_tokens(audio)
        yield _recurrent_stage(config.encoder, audio, batch, n_modulations + len(free))
        yield _head_stage(config.encoder, batch * tokens, n_modulations, encoded.n_outputs)
        for n_controls in free:
            yield _head_stage(config.encoder, batch * audio.n_frames, 1, n_controls)
    curves = batch * n_modulations * audio.n_frames
    yield Stage(kept=6 * curves * DOUBLE, forward=4 * curves * DOUBLE, backward=4 * curves * DOUBLE)
    yield from config.synth.memory_stages(audio, batch)


def model_weights(config: TrialConfig) -> float:
    """Number of weights of the model that are trained."""
    n_modulations = len(config.synth.modulations)
    encoder = 0.0
    if (encoded := config.encoded) is not None:
        heads = (encoded.n_outputs,) * n_modulations + config.synth.free_controls
        encoder = _encoder_weights(config.encoder, heads)
    return encoder + config.synth.n_weights()


def filterbank_bytes(encoder: EncoderConfig) -> tuple[float, float]:
    """Bytes of the encoder's filterbank, and of what its construction needs besides."""
    table = float(encoder.n_fft // 2 + 1) * (encoder.n_mels + 2) * FLOAT
    return table, 5 * table


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
    latent = rows * encoder.latent_width * FLOAT
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


def _encoder_weights(encoder: EncoderConfig, heads: tuple[int, ...]) -> float:
    """Weights of blocks and heads, given the outputs of each head."""
    channels, weights = 3, 0.0
    for _ in encoder.dilations:
        weights += float(channels) * encoder.width * encoder.kernel_mel * encoder.kernel_time + 2 * encoder.width
        channels = encoder.width
    hidden = float(encoder.head_hidden)
    lstm = 2 * 4 * hidden * (encoder.latent_width + hidden + 2)
    for outputs in heads:
        middle = (2 * encoder.head_hidden + outputs) // 2
        weights += lstm + 2 * hidden * middle + float(middle) * middle + middle * (2 + outputs) + outputs
    return weights
