"""Multi-resolution STFT loss: spectral convergence plus L1 of log magnitudes, the mean over resolutions.

    ||T - E|| / ||T|| + mean |ln E - ln T|,  E and T the magnitudes of estimate and target

Reference: Yamamoto et al. (2020), arXiv 1910.11480. Values agree with auraloss (Steinmetz and Reiss 2020).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.losses.base import Loss
from core.ops.stft_sums import n_bins, stft_sums
from core.settings.losses import Resolution


class MultiResolutionStft(Loss):
    """Spectral distance, averaged over several STFT resolutions."""

    def __init__(self, resolutions: tuple[Resolution, ...]) -> None:
        super().__init__()
        self.resolutions = resolutions

    def forward(
        self, estimate: Float[Tensor, "batch sample"], target: Float[Tensor, "batch sample"]
    ) -> Float[Tensor, ""]:
        """Distance between the batches; norms run over all clips of a batch, as in auraloss."""
        sums = self._sums(estimate, target).sum(2, keepdim=True)
        return self._distances(sums, len(target) * self._n_bins(target))[0]

    def per_clip(
        self, estimate: Float[Tensor, "clip sample"], target: Float[Tensor, "clip sample"]
    ) -> Float[Tensor, " clip"]:
        """Distance between each estimate and its target, equal to `forward` of that clip alone."""
        return self._distances(self._sums(estimate, target), self._n_bins(target))

    def _sums(
        self, estimate: Float[Tensor, "clip sample"], target: Float[Tensor, "clip sample"]
    ) -> Float[Tensor, "resolution 3 clip"]:
        """`stft_sums` of each resolution."""
        return torch.stack([stft_sums(estimate, target, resolution) for resolution in self.resolutions])

    def _n_bins(self, audio: Float[Tensor, "clip sample"]) -> Float[Tensor, "resolution 1"]:
        """STFT bins of one clip, over all frames."""
        counts = [[n_bins(audio.shape[1], resolution)] for resolution in self.resolutions]
        return torch.tensor(counts, dtype=audio.dtype).to(audio.device, non_blocking=True)

    @staticmethod
    def _distances(
        sums: Float[Tensor, "resolution 3 group"], n_bins_of_group: Float[Tensor, "resolution 1"]
    ) -> Float[Tensor, " group"]:
        """Distance of each group of clips from its sums, averaged over the resolutions."""
        difference, power, log_distance = sums.unbind(1)
        return (_sqrt(difference / power) + log_distance / n_bins_of_group).mean(0)


def _sqrt(ratio: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Square root with gradient 0 at 0, as a norm has; that of the plain square root is infinite."""
    is_zero = ratio == 0
    return ratio.masked_fill(is_zero, 1.0).sqrt().masked_fill(is_zero, 0.0)
