"""Base class of the configs of all parameterizations and baselines."""

from typing import ClassVar

from core.settings.audio import AudioConfig
from core.settings.variants import Variant


class ParameterizationVariant(Variant):
    """Base class of the configs of all parameterizations and baselines."""

    __slots__ = ()

    is_baseline: ClassVar[bool] = False
    """Whether the curves do not depend on the sound; such arms are reported, but never part of a Pareto front."""
    needs_true_curves: ClassVar[bool] = False
    """Whether the curves are the true ones, so that the data must have them."""

    @property
    def n_outputs(self) -> int:
        """Numbers per token that the encoder predicts."""
        return 1

    def n_tokens(self, audio: AudioConfig) -> int:
        """Tokens per clip and modulation that the encoder predicts; 0 for a baseline."""
        return 0 if self.is_baseline else audio.n_frames

    def constant_bytes(self, audio: AudioConfig) -> float:
        """Bytes of constant tensors, and of what making them needs."""
        del audio
        return 0.0
