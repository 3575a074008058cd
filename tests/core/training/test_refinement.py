"""Refinement of the curves of single clips: it lowers the loss of each, without labels and independent of its batch."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from core.clips import Clips
from core.losses.mss import MultiResolutionStft
from core.metrics.audio import mss_distance
from core.settings.trial import TrialConfig
from core.training.model import DiscoveryModel, build_model
from core.training.trainer import estimate_clips
from tests.support.configs import GREY_BOX, dataset_of, tiny

ARMS = {
    "frame": ("parameterization.kind=frame",),
    "low-pass": ("parameterization.cutoff_hz=16.0",),
    "spline": ("parameterization.kind=spline", "parameterization.n_segments=3"),
    "grey box": GREY_BOX,
    "with noise": ("synth.kind=engel",),
}


def refined(config: TrialConfig, model: DiscoveryModel, clips: Clips, n_steps: int = 12) -> tuple[Tensor, Tensor]:
    trainer = replace(config.trainer, refine_steps=n_steps)
    estimate = estimate_clips(model, clips, "test", replace(config, trainer=trainer))
    return estimate.audio, estimate.curves.modulation


@pytest.mark.parametrize("assignments", ARMS.values(), ids=ARMS.keys())
def test_refined_sounds_are_closer_and_weights_stay(assignments: tuple[str, ...]) -> None:
    config = tiny(*assignments)
    model, clips = build_model(config), dataset_of(config).test
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    before, after = (refined(config, model, clips, n_steps)[0] for n_steps in (0, 12))
    rate = config.audio.sample_rate
    assert float(mss_distance(clips.audio, after, rate).mean()) < float(mss_distance(clips.audio, before, rate).mean())
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_refined_curves_do_not_depend_on_labels() -> None:
    config = tiny()
    model, clips = build_model(config), dataset_of(config).test
    _, curves = refined(config, model, clips)
    unlabelled = replace(clips, modulation=None, modulation_names=())
    assert torch.equal(curves, refined(config, model, unlabelled)[1])


def test_refined_curves_of_a_clip_do_not_depend_on_its_batch() -> None:
    # In float64, since Adam scales gradients of rounding errors up.
    config = tiny()
    model, clips = build_model(config).double(), dataset_of(config).test
    clips = replace(clips, audio=clips.audio.double(), f0_hz=clips.f0_hz.double(), q=clips.q.double())
    alone = replace(config, trainer=replace(config.trainer, evaluation_batch_size=1))
    whole, single = (refined(settings, model, clips)[1] for settings in (config, alone))
    torch.testing.assert_close(whole, single, atol=1e-6, rtol=0)


def test_curves_are_those_of_the_encoder_where_steps_do_not_lower_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny()
    model, clips = build_model(config), dataset_of(config).test
    predicted = estimate_clips(model, clips, "test", config).curves.modulation
    per_clip = MultiResolutionStft.per_clip

    def without_gradient_steps_up(self: MultiResolutionStft, estimate: Tensor, target: Tensor) -> Tensor:
        # With a gradient, that is, in the steps, the distance has the opposite sign: they go uphill.
        distance = per_clip(self, estimate, target)
        return -distance if estimate.requires_grad else distance

    monkeypatch.setattr(MultiResolutionStft, "per_clip", without_gradient_steps_up)
    assert torch.equal(refined(config, model, clips)[1], predicted)


def test_a_clip_whose_loss_is_no_number_keeps_the_curves_of_the_encoder() -> None:
    config = tiny()
    model, clips = build_model(config), dataset_of(config).test
    broken = clips.audio.clone()
    broken[1] = torch.nan
    _, curves = refined(config, model, replace(clips, audio=broken))
    others = torch.tensor([0, 2, 3])
    _, expected = refined(config, model, clips)
    torch.testing.assert_close(curves[others], expected[others], atol=1e-3, rtol=0)


def test_a_baseline_is_not_refined() -> None:
    config = tiny("parameterization.kind=random_spline")
    model, clips = build_model(config), dataset_of(config).test
    assert torch.equal(refined(config, model, clips)[1], estimate_clips(model, clips, "test", config).curves.modulation)
