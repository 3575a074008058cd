"""Multi-resolution STFT loss: spectral convergence plus L1 of log magnitudes, the mean over resolutions.

    ||T - E|| / ||T|| + mean |ln E - ln T|,  E and T the magnitudes of estimate and target

Reference: Yamamoto et al. (2020), arXiv 1910.11480; Steinmetz and Reiss (2020), auraloss, whose values it has.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.losses.base import Loss
from core.ops.stft_sums import n_bins, stft_sums
from core.settings.losses import Resolution


class MultiResolutionStft(Loss):
    """The mean distance over several STFT resolutions."""

    def __init__(self, resolutions: tuple[Resolution, ...]) -> None:
        super().__init__()
        self.resolutions = resolutions

    def forward(
        self, estimate: Float[Tensor, "batch sample"], target: Float[Tensor, "batch sample"]
    ) -> Float[Tensor, ""]:
        """One distance of the whole batch, whose norms run over all its clips, as auraloss's do."""
        sums = self._sums(estimate, target).sum(2, keepdim=True)
        return self._distances(sums, len(target) * self._bins(target))[0]

    def per_clip(
        self, estimate: Float[Tensor, "clip sample"], target: Float[Tensor, "clip sample"]
    ) -> Float[Tensor, " clip"]:
        """The distance of each clip as if it were the only one."""
        return self._distances(self._sums(estimate, target), self._bins(target))

    def _sums(
        self, estimate: Float[Tensor, "clip sample"], target: Float[Tensor, "clip sample"]
    ) -> Float[Tensor, "resolution 3 clip"]:
        return torch.stack([stft_sums(estimate, target, resolution) for resolution in self.resolutions])

    def _bins(self, audio: Float[Tensor, "clip sample"]) -> Float[Tensor, "resolution 1"]:
        """Of one clip."""
        return audio.new_tensor([[n_bins(audio.shape[1], resolution)] for resolution in self.resolutions])

    @staticmethod
    def _distances(
        sums: Float[Tensor, "resolution 3 group"], bins: Float[Tensor, "resolution 1"]
    ) -> Float[Tensor, " group"]:
        difference, power, log_distance = sums.unbind(1)
        return (_root(difference / power) + log_distance / bins).mean(0)


def _root(ratio: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The square root, with the gradient 0 at 0 that a norm has there; the root's own is infinite."""
    is_zero = ratio == 0
    return torch.where(is_zero, 0.0, torch.where(is_zero, 1.0, ratio).sqrt())
