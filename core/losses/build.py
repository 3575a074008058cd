"""Construction of losses from their configs."""

from typing import assert_never

from core.losses.base import Loss
from core.losses.mss import MultiResolutionStft
from core.settings.losses import LossConfig, MultiResolutionStftConfig


def build_loss(config: LossConfig) -> Loss:
    """The loss that a config describes.

    Args:
        config: Resolved, with the defaults that depend on the clips filled in.
    """
    match config:
        case MultiResolutionStftConfig():
            return MultiResolutionStft(config.resolutions or ())
        case _:
            assert_never(config)
