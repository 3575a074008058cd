"""Configs to losses."""

from typing import assert_never

from core.losses.base import Loss
from core.losses.mss import MultiResolutionStft
from core.settings.losses import LossConfig, MultiResolutionStftConfig


def build_loss(config: LossConfig) -> Loss:
    """
    Args:
        config: A resolved one: everything that follows from the clips is filled in.
    """
    match config:
        case MultiResolutionStftConfig():
            return MultiResolutionStft(config.resolutions or ())
        case _:
            assert_never(config)
