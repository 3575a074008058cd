"""The effect of a modulation: known answers of synths that play a curve, ignore it, or play the wrong one."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from core.clips import Clips
from core.metrics.audio import mss_distance
from core.metrics.evaluation import Estimates, Evaluation, evaluate
from core.ops.frames import to_samples
from core.seeding import generator

RATE, HOP, N_FRAMES = 16_000, 128, 65
N_SAMPLES = HOP * (N_FRAMES - 1)
Render = Callable[[Tensor], Tensor]


def tremolo(curves: Tensor) -> Tensor:
    """A tone whose level follows the last of two curves; nothing follows the first."""
    time = torch.arange(N_SAMPLES) / RATE
    tone = sum(torch.sin(2 * torch.pi * 220.0 * k * time) / k for k in range(1, 9))
    return 0.3 * tone * to_samples(curves[:, 1], HOP, N_SAMPLES)


def moving(rates: tuple[float, ...]) -> Tensor:
    """Sines of these rates in Hz, the same for both modulations."""
    time = torch.arange(N_FRAMES) * HOP / RATE
    curves = torch.stack([0.5 + 0.45 * torch.sin(2 * torch.pi * rate * time) for rate in rates])
    return curves[:, None].expand(-1, 2, -1).contiguous()


def evaluated(target: Tensor, curves: Tensor, render: Render) -> Evaluation:
    names = ("tone", "env")

    def held(name: str) -> Tensor:
        still = curves.clone()
        still[:, names.index(name)] = curves[:, names.index(name)].mean(-1, keepdim=True)
        return render(still)

    n_clips = len(curves)
    clips = Clips(
        ids=tuple(map(str, range(n_clips))),
        audio=target,
        f0_hz=torch.full((n_clips,), 220.0),
        q=torch.zeros(n_clips),
        modulation=None,
    )
    estimates = Estimates(
        clips=clips,
        audio=render(curves),
        modulation=curves,
        numbers=torch.full(curves.shape[:2], torch.nan),
        modulation_names=names,
        sample_rate=RATE,
        frame_rate=RATE / HOP,
        held=held,
    )
    return evaluate(estimates)


def test_a_curve_that_the_synth_ignores_has_no_effect_however_far_it_moves() -> None:
    curves = moving((4.0, 9.0))
    values = evaluated(tremolo(curves), curves, tremolo).values
    assert values["effect.mss.tone"] == 0
    assert values["interpretability.range.tone"] == pytest.approx(0.9, abs=0.01)


def test_a_curve_that_makes_the_sound_has_the_error_of_the_sound_without_it() -> None:
    curves = moving((4.0, 9.0))
    target = tremolo(curves)
    evaluation = evaluated(target, curves, tremolo)
    still = curves.mean(-1, keepdim=True).expand_as(curves)
    expected = mss_distance(target, tremolo(still), RATE)
    torch.testing.assert_close(evaluation.per_clip["effect.mss"].values[:, 1], expected)
    assert float(expected.min()) > 0.4, "a tremolo is far from a steady tone"
    assert evaluation.values["effect.mss"] == pytest.approx(float(expected.mean()) / 2), "the mean over modulations"


def test_a_curve_that_moves_against_the_sound_has_a_negative_effect() -> None:
    steady = torch.full((2, 2, N_FRAMES), 0.5)
    effect = evaluated(tremolo(steady), moving((4.0, 9.0)), tremolo).values["effect.mss.env"]
    assert effect is not None
    assert effect < -0.4


def test_a_flat_curve_has_no_effect_even_if_the_synth_would_play_it() -> None:
    steady = torch.full((2, 2, N_FRAMES), 0.5)
    values = evaluated(tremolo(moving((4.0, 9.0))), steady, tremolo).values
    assert values["effect.mss.env"] == pytest.approx(0, abs=1e-6)


def test_a_sound_that_is_no_number_is_undefined_and_counted() -> None:
    def broken(curves: Tensor) -> Tensor:
        is_held = (curves[:, 1] == curves[:, 1, :1]).all(-1, keepdim=True)
        sound = torch.rand(len(curves), N_SAMPLES, generator=generator(0, "sound"))
        return torch.where(is_held, torch.nan, sound)

    curves = moving((4.0, 9.0))
    evaluation = evaluated(tremolo(curves), curves, broken)
    assert evaluation.values["effect.mss.env"] is None
    assert evaluation.values["effect.mss.tone"] == 0
    assert evaluation.undefined["effect.mss"] == 2
