"""What LFO-net hears: log-mel spectrogram, its time delta, and the delta of that.

log1p(mel / 1e-4), mel of power spectra, HTK scale, 0 to Nyquist, no normalisation; centred frames every hop_length
"""

import warnings

import torch
import torchaudio.functional as AF
from jaxtyping import Float
from torch import Tensor, nn

_MEL_FLOOR = 1e-4


class LogMelFeatures(nn.Module):
    """Three channels of mel band by modulation frame."""

    window: Tensor
    filterbank: Tensor

    def __init__(self, sample_rate: int, hop_length: int, n_fft: int, n_mels: int, delta_window_s: float) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.delta_frames = max(3, 2 * round(delta_window_s * sample_rate / hop_length / 2) + 1)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.register_buffer("filterbank", mel_filterbank(n_fft, n_mels, sample_rate), persistent=False)

    def forward(self, audio: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch 3 mel frame"]:
        spectrum = torch.stft(audio, self.n_fft, self.hop_length, window=self.window, center=True, return_complex=True)
        mel = self.filterbank.t() @ (spectrum.real.square() + spectrum.imag.square())
        log_mel = torch.log1p(mel / _MEL_FLOOR)
        delta = AF.compute_deltas(log_mel, self.delta_frames)
        return torch.stack([log_mel, delta, AF.compute_deltas(delta, self.delta_frames)], 1)


def mel_filterbank(n_fft: int, n_mels: int, sample_rate: int) -> Float[Tensor, "bin mel"]:
    """HTK triangles from 0 to Nyquist. Bands narrower than a bin may be empty, as in the reference."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="At least one mel filterbank")
        bank: Tensor = AF.melscale_fbanks(n_fft // 2 + 1, 0.0, sample_rate / 2, n_mels, sample_rate, mel_scale="htk")
    return bank
