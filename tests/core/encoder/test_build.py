"""Construction of encoders: a head per modulation, and the sizes from the settings."""

import pytest

from core.encoder.build import build_encoder
from core.encoder.lfo_net import Block
from core.parameterizations.frame import Frame
from core.parameterizations.spline import Spline
from core.settings.audio import AudioConfig
from core.settings.encoder import EncoderConfig

AUDIO = AudioConfig()


@pytest.mark.parametrize("n_modulations", [1, 2, 5])
def test_there_is_a_head_for_each_modulation(n_modulations: int) -> None:
    encoder = build_encoder(EncoderConfig(), AUDIO, Frame(AUDIO.n_frames), n_modulations)
    assert len(encoder.heads) == n_modulations


def test_sizes_follow_settings_and_parameterization() -> None:
    config = EncoderConfig(width=6, kernel_mel=1, kernel_time=7, dilations=(1, 3), stride=2, precision="bf16")
    encoder = build_encoder(config, AUDIO, Spline(AUDIO.n_frames, 4, 3), 3)
    blocks = [block for block in encoder.blocks if isinstance(block, Block)]
    assert [block.conv.weight.shape for block in blocks] == [(6, 3, 1, 7), (6, 6, 1, 7)]
    assert [block.dilation for block in blocks] == [1, 3]
    assert {block.precision for block in blocks} == {"bf16"}
    assert encoder.features.hop_length == 2 * AUDIO.hop_length
    assert {head.n_tokens for head in encoder.heads} == {13}
