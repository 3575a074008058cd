"""LFO-net: a dilated CNN over log-mel features, then one recurrent head per modulation.

Block: layer norm over (mel, frame) without affine -> Conv2d, "same" -> max-pool 2 x 1 over mel -> PReLU per channel.
The mean over the remaining mel bands is the latent of each frame. Head: BiLSTM -> one token per frame (interpolated if
stride > 1), or average pooling over time to one token per control point -> three linear layers with PReLU.

The layer norms remove the level of the whole clip, without which neither an envelope nor the loudness of overtones is
known. With `skip`, which the reference does not have, the log-mel spectrogram itself is appended to the latent.
Reference: Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from core.encoder.features import LogMelFeatures
from core.ops.convolution import Precision, same_conv2d
from core.ops.frames import to_samples
from core.ops.lstm import bidirectional_lstms
from core.ops.perceptrons import perceptrons
from core.ops.pooling import pool_activate

Skip = Literal["none", "log_mel"]
"""What the heads read besides the output of the convolutional blocks."""
_LOG_MEL_MEAN, _LOG_MEL_SCALE = 8.0, 5.0
"""Rough mean and standard deviation of log-mel values, by which they are scaled for the heads."""


class LfoNet(nn.Module):
    """Encoder from audio to the logits of each modulation's tokens, and to free controls of modules per frame.

    `free_controls` are their numbers, one for each further head, and `n_frames` the frames of a clip.
    """

    def __init__(
        self,
        features: LogMelFeatures,
        *,
        n_modulations: int,
        n_tokens: int,
        n_outputs: int,
        width: int,
        kernel: tuple[int, int],
        dilations: tuple[int, ...],
        head_hidden: int,
        stride: int = 1,
        skip: Skip = "none",
        precision: Precision = "fp32",
        n_frames: int = 0,
        free_controls: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        self.features = features
        self.stride = stride
        self.skip = skip
        depth = len(dilations)
        self.blocks = nn.ModuleList(
            Block(
                3 if i == 0 else width,
                width,
                kernel,
                dilation,
                normalise=i + 1 < depth,
                precision=precision,
            )
            for i, dilation in enumerate(dilations)
        )
        n_latent = width + (features.n_mels if skip == "log_mel" else 0)
        self.heads = nn.ModuleList(Head(n_latent, head_hidden, n_tokens, n_outputs) for _ in range(n_modulations))
        self.control_heads = nn.ModuleList(Head(n_latent, head_hidden, n_frames, n) for n in free_controls)

    def forward(self, audio: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch modulation token output"]:
        """Logits of each modulation's tokens."""
        heads = [head for head in self.heads if isinstance(head, Head)]
        return logits_of_heads(
            bidirectional_lstms(self.latent(audio), [head.lstm for head in heads]), heads, self.stride
        )

    def with_controls(
        self, audio: Float[Tensor, "batch sample"]
    ) -> tuple[Float[Tensor, "batch modulation token output"], Float[Tensor, "batch control frame"]]:
        """Logits of each modulation's tokens, and the free controls of all modules at each frame."""
        heads = [head for head in (*self.heads, *self.control_heads) if isinstance(head, Head)]
        states = bidirectional_lstms(self.latent(audio), [head.lstm for head in heads])
        n_curves = len(self.heads)
        controls = [
            logits_of_heads(states[place : place + 1], [heads[place]], self.stride)[:, 0]
            for place in range(n_curves, len(heads))
        ]
        logits = logits_of_heads(states[:n_curves], heads[:n_curves], self.stride)
        return logits, torch.cat(controls, -1).transpose(1, 2)

    def latent(self, audio: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch encoder_frame width"]:
        """Features of each frame of the encoder."""
        features = self.features(audio)
        x = F.layer_norm(features, features.shape[-2:])
        for block in self.blocks:
            x = block(x)
        latent: Tensor = x.mean(2)
        if self.skip == "log_mel":
            latent = torch.cat([latent, (features[:, 0] - _LOG_MEL_MEAN) / _LOG_MEL_SCALE], 1)
        return latent.transpose(1, 2)


class Block(nn.Module):
    """Dilated convolution, max-pooling over mel, PReLU, and the layer norm of the next block if `normalise`."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: tuple[int, int],
        dilation: int,
        *,
        normalise: bool,
        precision: Precision = "fp32",
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel)
        self.activation = nn.PReLU(n_out)
        self.dilation = dilation
        self.normalise = normalise
        self.precision = precision

    def forward(self, x: Float[Tensor, "batch channel mel frame"]) -> Float[Tensor, "batch width half frame"]:
        """Features with half the number of mel bands."""
        bias = self.conv.bias
        assert bias is not None
        x = same_conv2d(x, self.conv.weight, bias, self.dilation, self.precision)
        return pool_activate(x, self.activation.weight, normalise=self.normalise)


class Head(nn.Module):
    """LSTM and MLP from the latent of each frame to the logits of one modulation."""

    def __init__(self, width: int, hidden: int, n_tokens: int, n_outputs: int) -> None:
        super().__init__()
        self.n_tokens = n_tokens
        self.lstm = nn.LSTM(width, hidden, batch_first=True, bidirectional=True)
        middle = (2 * hidden + n_outputs) // 2
        self.mlp = nn.Sequential(
            nn.Linear(2 * hidden, middle),
            nn.PReLU(),
            nn.Linear(middle, middle),
            nn.PReLU(),
            nn.Linear(middle, n_outputs),
        )


def logits_of_heads(
    states: Float[Tensor, "head batch encoder_frame state"], heads: Sequence[Head], stride: int
) -> Float[Tensor, "batch head token output"]:
    """Logits of each head's tokens from its LSTM states, at one encoder frame per `stride` modulation frames."""
    n_heads, batch, n_encoder_frames, size = states.shape
    n_tokens = heads[0].n_tokens
    if n_tokens == (n_encoder_frames - 1) * stride + 1:
        states = _interpolate_frames(states, stride)
    else:
        pooled = F.adaptive_avg_pool1d(states.flatten(0, 1).transpose(1, 2), n_tokens)
        states = pooled.transpose(1, 2).view(n_heads, batch, n_tokens, size)
    logits = perceptrons(states.flatten(1, 2), [head.mlp for head in heads])
    return logits.view(n_heads, batch, n_tokens, -1).transpose(0, 1)


def _interpolate_frames(
    states: Float[Tensor, "head batch encoder_frame state"], stride: int
) -> Float[Tensor, "head batch frame state"]:
    """States at all modulation frames, interpolated linearly between the encoder frames."""
    if stride == 1:
        return states
    n_hops = (states.shape[2] - 1) * stride
    return torch.cat([to_samples(states.transpose(2, 3), stride, n_hops).transpose(2, 3), states[:, :, -1:]], 2)
