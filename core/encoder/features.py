"""Input features of LFO-net: log-mel spectrogram, its delta and the delta of the delta."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.ops.log_mel import log_mel_with_deltas, mel_bands, mel_filterbank


class LogMelFeatures(nn.Module):
    """Audio to log-mel spectrogram, delta and delta of the delta, as three channels."""

    window: Tensor
    """Hann window of the STFT."""
    filterbank: Tensor
    """Weights of the mel bands."""

    def __init__(self, sample_rate: int, hop_length: int, n_fft: int, n_mels: int, delta_window_s: float) -> None:
        super().__init__()
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.delta_frames = max(3, 2 * round(delta_window_s * sample_rate / hop_length / 2) + 1)
        filterbank = mel_filterbank(n_fft, n_mels, sample_rate)
        self.bands = mel_bands(filterbank)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.register_buffer("filterbank", filterbank, persistent=False)

    def forward(self, audio: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch 3 mel frame"]:
        """Log-mel spectrogram, delta and delta of the delta."""
        return log_mel_with_deltas(audio, self.window, self.filterbank, self.bands, self.hop_length, self.delta_frames)
