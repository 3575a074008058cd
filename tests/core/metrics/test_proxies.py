"""Proxy curves of sounds: found where recovered curves explain them, undefined where the sound does not move."""

import math

import pytest
import torch
from torch import Tensor

from core.clips import Clips
from core.metrics.evaluation import Estimates, Evaluation, evaluate
from core.metrics.proxies import proxy_curves
from core.seeding import generator

SAMPLE_RATE, FRAME_RATE, N_FRAMES = 16_000, 128.0, 129
RATE_HZ = torch.tensor([1.5, 2.0, 3.0, 4.0])


def tremolo() -> tuple[Tensor, Tensor]:
    """Four noises with tremolos of different rates, and the curves of these."""
    time = torch.arange(SAMPLE_RATE) / SAMPLE_RATE
    level = 0.5 + 0.4 * torch.sin(2 * math.pi * RATE_HZ[:, None] * time)
    noise = torch.rand(4, SAMPLE_RATE, generator=generator(0, "noise")) - 0.5
    frames = torch.arange(N_FRAMES) / FRAME_RATE
    return level * noise, 0.5 + 0.4 * torch.sin(2 * math.pi * RATE_HZ[:, None] * frames)


def evaluated(audio: Tensor, estimate: Tensor, modulation: Tensor, frame_rate: float = FRAME_RATE) -> Evaluation:
    n = len(audio)
    clips = Clips(ids=tuple("abcd"[:n]), audio=audio, f0_hz=torch.ones(n), q=torch.zeros(n), modulation=None)
    return evaluate(
        Estimates(
            clips=clips,
            audio=estimate,
            modulation=modulation,
            numbers=torch.full(modulation.shape[:2], torch.nan),
            modulation_names=("one", "env"),
            sample_rate=SAMPLE_RATE,
            frame_rate=frame_rate,
        )
    )


def test_the_level_of_the_target_follows_from_the_curve_that_made_it() -> None:
    audio, level = tremolo()
    other = torch.rand(4, N_FRAMES, generator=generator(1, "curve"))
    found = evaluated(audio, audio, torch.stack([other, level], 1)).values
    assert (found["proxies.rms_8hz_pcc.lls3"] or 0) > 0.98
    assert (found["proxies.rms_8hz_l1.lls3"] or 1) < 0.06
    blind = evaluated(audio, audio, torch.stack([other, other], 1)).values
    assert (blind["proxies.rms_8hz_pcc.lls3"] or 1) < 0.3
    assert (blind["proxies.rms_8hz_l1.lls3"] or 0) > 0.25


def test_equal_sounds_have_equal_features_and_a_louder_one_is_off_by_a_share_of_the_range() -> None:
    audio, level = tremolo()
    modulation = level[:, None].repeat(1, 2, 1)
    same = evaluated(audio, audio, modulation).values
    for feature in ("rms", "centroid", "bandwidth", "flatness"):
        for cutoff in ("", "_8hz"):
            assert same[f"proxies.{feature}{cutoff}_l1"] == 0
            assert same[f"proxies.{feature}{cutoff}_pcc"] == pytest.approx(1)
    louder = evaluated(audio, 1.5 * audio, modulation).values
    assert louder["proxies.rms_pcc"] == pytest.approx(1)
    # The level lies between 1/9 and 1 of its largest value, and its mean at 5/9; half of that is off.
    assert louder["proxies.rms_8hz_l1"] == pytest.approx(0.5 * 5 / 8, rel=0.1)


def test_a_sound_that_does_not_move_has_no_proxy_and_is_counted() -> None:
    audio, level = tremolo()
    time = torch.arange(SAMPLE_RATE) / SAMPLE_RATE
    audio = torch.stack([audio[0], torch.sin(2 * math.pi * 1000 * time), torch.zeros(SAMPLE_RATE)])
    evaluation = evaluated(audio, 0.5 * audio, level[:3, None].repeat(1, 2, 1))
    assert evaluation.undefined["proxies.rms_8hz_pcc.lls3"] == evaluation.undefined["proxies.rms_8hz_l1"] == 2
    assert evaluation.values["proxies.rms_pcc"] == pytest.approx(1)


def test_fits_are_least_squares_in_the_scale_of_the_target() -> None:
    audio, level = tremolo()
    curves = proxy_curves(audio, 0.5 * audio, level[:, None], SAMPLE_RATE, FRAME_RATE)
    assert set(curves) == {
        (name, cutoff) for name in ("rms", "centroid", "bandwidth", "flatness") for cutoff in (None, 8.0)
    }
    for each in curves.values():
        assert each.target.amin(-1).tolist() == [0] * 4
        assert each.target.amax(-1).tolist() == pytest.approx([1] * 4)
        torch.testing.assert_close(each.fit.mean(-1), each.target.mean(-1), atol=1e-5, rtol=0)


def test_frames_too_few_for_the_low_pass_leave_the_plain_features() -> None:
    audio, level = tremolo()
    evaluation = evaluated(audio, audio, level[:, None, ::2].repeat(1, 2, 1), FRAME_RATE / 2)
    assert "proxies.rms_pcc.lls3" in evaluation.values
    assert not [name for name in evaluation.values if "_8hz_" in name]
