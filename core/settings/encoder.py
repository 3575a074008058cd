"""Settings of the encoder."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from annotated_types import Interval, MaxLen, MinLen, Unit
from typing_extensions import Doc

from core.errors import ConfigError
from core.ops.sizes import size_at_rate
from core.settings.audio import AudioConfig

MAX_PADDING = 100
"""Largest number of padded frames for each frame of a clip; kernels that wide see almost nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig:
    """LFO-net: log-mel features with deltas, a dilated CNN and one BiLSTM head per modulation."""

    n_fft: Annotated[
        int, Interval(ge=16, le=65_536), Unit("samples"), Doc("FFT size and length of the Hann window of the features")
    ] = 256
    n_mels: Annotated[int, Interval(ge=2, le=2048), Doc("mel bands; each block halves their number")] = 32
    delta_window_s: Annotated[float, Interval(gt=0, le=1), Unit("s"), Doc("window of the regression deltas")] = 0.05
    width: Annotated[int, Interval(ge=1, le=4096), Doc("channels of every convolution")] = 16
    kernel_mel: Annotated[int, Interval(ge=1, le=255), Doc("kernel size over mel bands (odd)")] = 3
    kernel_time: Annotated[int, Interval(ge=1, le=1023), Doc("kernel size over frames (odd)")] = 5
    dilations: Annotated[
        tuple[Annotated[int, Interval(ge=1, le=65_536)], ...],
        MinLen(1),
        MaxLen(11),
        Doc("dilation in time of each block; one block per entry"),
    ] = (1, 1, 1, 1)
    head_hidden: Annotated[int, Interval(ge=1, le=4096), Doc("LSTM units per direction of a head")] = 16
    stride: Annotated[
        int, Interval(ge=1, le=100_000), Unit("frames"), Doc("hop between the encoder's frames, in modulation frames")
    ] = 1
    skip: Annotated[
        Literal["none", "log_mel"],
        Doc(
            "'log_mel': the heads also read the log-mel spectrogram itself, whose absolute level the layer norms of "
            "the convolutional blocks remove; 'none': they read the blocks' output only, as in the reference"
        ),
    ] = "log_mel"
    precision: Annotated[
        Literal["fp32", "bf16"], Doc("precision of the convolutions; 'bf16' rounds operands, accumulates in fp32")
    ] = "fp32"

    @property
    def latent_width(self) -> int:
        """Values per frame that the heads read."""
        return self.width + (self.n_mels if self.skip == "log_mel" else 0)

    def n_operations(self, audio: AudioConfig) -> float:
        """Floating-point operations of the convolutions for one clip, forward; all other parts have far fewer."""
        n_frames = (audio.n_frames - 1) // self.stride + 1
        operations = 0.0
        for block in range(len(self.dilations)):
            n_in, n_mels = (3, self.n_mels) if block == 0 else (self.width, self.n_mels // 2**block)
            operations += 2.0 * n_in * self.width * self.kernel_mel * self.kernel_time * n_mels * n_frames
        return operations

    def at_rate(self, sample_rate: int, from_rate: int) -> "EncoderConfig":
        """The config for clips of another sample rate, with a window at least as long in seconds; see `Variant`."""
        return replace(self, n_fft=size_at_rate(self.n_fft, sample_rate, from_rate))

    def check(self, audio: AudioConfig) -> None:
        """Check kernel sizes, depth, stride and FFT size against each other and the clips.

        Raises:
            ConfigError: the features do not fit the clips, or the kernels or the depth do not fit the features.
        """
        if self.kernel_mel % 2 == 0 or self.kernel_time % 2 == 0:
            raise ConfigError(
                "encoder kernels must be odd, to preserve frame positions; got "
                f"kernel_mel={self.kernel_mel}, kernel_time={self.kernel_time}; add or subtract 1"
            )
        if self.n_mels < 2 ** len(self.dilations):
            raise ConfigError(
                f"each block halves the mel bands: {len(self.dilations)} blocks need at least "
                f"{2 ** len(self.dilations)} of them; got encoder.n_mels={self.n_mels}; raise it, or shorten dilations"
            )
        if (audio.n_frames - 1) % self.stride:
            raise ConfigError(
                f"encoder.stride must divide the clip's {audio.n_frames - 1} hops; got {self.stride}; "
                "choose another stride or audio.hop_length"
            )
        n_frames = (audio.n_frames - 1) // self.stride + 1
        padding = (self.kernel_time - 1) * max(self.dilations)
        if padding > MAX_PADDING * n_frames:
            raise ConfigError(
                "(encoder.kernel_time - 1) * encoder.dilations, the frames with which clips are padded, must not "
                f"exceed {MAX_PADDING} times the encoder's {n_frames} frames; got {padding}; lower one of them"
            )
        if self.n_fft // 2 >= audio.n_samples:
            raise ConfigError(
                "half of encoder.n_fft must be shorter than a clip, which is reflected at its ends; "
                f"got {self.n_fft} and {audio.n_samples} samples; lower it"
            )
