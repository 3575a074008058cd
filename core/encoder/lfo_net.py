"""LFO-net: a dilated CNN over log-mel features, then one recurrent head per modulation signal.

Blocks: layer norm over (mel, frame) without affine -> Conv2d, "same" -> max-pool 2 x 1 over mel -> PReLU per channel.
The mean over the mel bands left is a latent per frame. A head: BiLSTM -> (splines only) mean over time to one token per
control point -> three linear layers with PReLU. Reference: Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from core.encoder.features import LogMelFeatures


class LfoNet(nn.Module):
    """Audio to logits."""

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
    ) -> None:
        super().__init__()
        self.features = features
        self.blocks = nn.ModuleList(
            Block(3 if i == 0 else width, width, kernel, dilation) for i, dilation in enumerate(dilations)
        )
        self.heads = nn.ModuleList(Head(width, head_hidden, n_tokens, n_outputs) for _ in range(n_modulations))

    def forward(self, audio: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch modulation token output"]:
        x = self.features(audio)
        for block in self.blocks:
            x = block(x)
        latent = x.mean(2).transpose(1, 2)
        return torch.stack([head(latent) for head in self.heads], 1)


class Block(nn.Module):
    """Norm, dilated convolution, pooling over mel."""

    def __init__(self, n_in: int, n_out: int, kernel: tuple[int, int], dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel, padding="same", dilation=(1, dilation))
        self.activation = nn.PReLU(n_out)

    def forward(self, x: Float[Tensor, "batch channel mel frame"]) -> Float[Tensor, "batch width half frame"]:
        x = self.conv(F.layer_norm(x, x.shape[-2:]))
        x = F.max_pool2d(x, (2, 1))
        activated: Tensor = self.activation(x)
        return activated


class Head(nn.Module):
    """Latent per frame to the tokens of one signal."""

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

    def forward(self, latent: Float[Tensor, "batch frame width"]) -> Float[Tensor, "batch token output"]:
        x, _ = self.lstm(latent)
        if self.n_tokens != latent.shape[1]:
            x = F.adaptive_avg_pool1d(x.transpose(1, 2), self.n_tokens).transpose(1, 2)
        logits: Tensor = self.mlp(x)
        return logits
