"""Every synth learns: a few steps with each parameterization, and one clip by heart."""

from dataclasses import replace

import pytest
import torch

from core.clips import Clips
from core.encoder.lfo_net import Head
from core.losses.build import build_loss
from core.seeding import generator, initialise
from core.settings.trial import TrialConfig
from core.synths.build import build_synth
from core.synths.note import draw_note
from core.training.model import EncodedCurves, build_model
from core.training.optimizers import build_optimizers
from core.training.resolve import resolve
from core.training.trainer import estimate_clips, train_step
from tests.support.configs import GREY_BOX, configured, dataset_of, tiny

SYNTHS = {
    "white box": (),
    "grey box": GREY_BOX,
    "engel": ("synth.kind=engel",),
    "shan": ("synth.kind=shan", "synth.table_length=256"),
    "fm": ("synth.kind=fm",),
    "subtractive": ("synth.kind=subtractive",),
}
CURVES = {
    "frame": ("parameterization.kind=frame",),
    "low_pass": ("parameterization.kind=low_pass",),
    "spline": ("parameterization.kind=spline", "parameterization.n_segments=4"),
}
GRANULAR = {kind: (*SYNTHS[kind], "synth.control=granular") for kind in ("grey box", "engel", "shan", "fm")}
each_synth = pytest.mark.parametrize("synth", SYNTHS.values(), ids=SYNTHS)
each_curve = pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)


def losses_of(config: TrialConfig, n_steps: int, clips: Clips | None = None) -> list[float]:
    """Training losses on some clips, by default the first batch of the config's own data."""
    clips = clips or dataset_of(config).train[: config.trainer.batch_size]
    model, loss_function = build_model(config), build_loss(config.loss)
    optimizers = build_optimizers(model, config.optimizer)
    return [float(train_step(model, optimizers, clips, loss_function, config, step)) for step in range(n_steps)]


@torch.no_grad()
def played_by(config: TrialConfig, clips: Clips) -> Clips:
    """The clips as the config's own synth plays them, with other weights, at a peak of 0.5."""
    assert clips.modulation is not None
    synth = build_synth(config.synth, config.audio)
    initialise(synth, 1)
    audio = synth(clips.modulation, draw_note(clips, generator(0, "note"), with_noise=synth.needs_noise))
    return replace(clips, audio=0.5 * audio / audio.abs().max())


@each_synth
@each_curve
def test_a_few_steps_lower_the_loss(synth: tuple[str, ...], curve: tuple[str, ...]) -> None:
    losses = losses_of(tiny(*synth, *curve, "optimizer.lr=0.01"), 12)
    assert min(losses[-3:]) < losses[0]


@pytest.mark.parametrize("synth", GRANULAR.values(), ids=GRANULAR)
def test_granular_controls_are_trained_frame_by_frame(synth: tuple[str, ...]) -> None:
    config = tiny(*synth, "parameterization.kind=frame", "optimizer.lr=0.01", "synth.vibrato_semitones=0.5")
    assert config.is_baseline, "it is there to compare with, and never on a front"
    losses = losses_of(config, 12)
    assert min(losses[-3:]) < losses[0]
    model = build_model(config)
    assert isinstance(model.curves, EncodedCurves)
    heads = [head for head in model.curves.encoder.control_heads if isinstance(head, Head)]
    assert tuple(len(list(head.mlp.parameters())[-1]) for head in heads) == config.synth.free_controls
    assert not any("adapter" in name for name, _ in model.named_parameters())
    clips = dataset_of(config).test
    audio, curves, _ = estimate_clips(model, clips, "test", config).results
    assert audio.shape == clips.audio.shape
    assert curves.shape == (len(clips), len(config.synth.modulations), config.audio.n_frames)
    assert float(curves.min()) >= 0
    assert float(curves.max()) <= 1


def test_synthetic_sounds_have_a_vibrato_whose_curve_is_known() -> None:
    depth = ("data.vibrato_semitones=1.0", "synth.vibrato_semitones=1.0")
    config = tiny(*depth, "synth.oscillator.wavetable=sine_to_saw")
    assert config.is_white_box
    clips = dataset_of(config).train
    assert clips.modulation_names == ("add", "sub", "env", "vibrato")
    straight = dataset_of(tiny()).train
    assert clips.modulation is not None
    assert straight.modulation is not None
    assert torch.equal(clips.modulation[:, :3], straight.modulation), "the other curves are the same"
    assert not torch.allclose(clips.audio, straight.audio, atol=1e-2)
    assert losses_of(replace(config, optimizer=replace(config.optimizer, lr=0.01)), 2)[0] > 0


@pytest.mark.slow
@each_synth
@each_curve
def test_one_clip_is_learned_to_a_third_of_the_initial_loss(synth: tuple[str, ...], curve: tuple[str, ...]) -> None:
    """By the small preset, on one clip of the Mod. Synth; by FM, which has other spectra, on one of its own."""
    one_clip = ("data.n_train=1", "data.n_validation=1", "data.n_test=1", "trainer.batch_size=1")
    config = resolve(configured(*synth, *curve, *one_clip)).config
    clips = dataset_of(config).train
    if config.synth.kind == "fm":
        clips = played_by(config, clips)
    losses = losses_of(config, 200, clips)
    assert min(losses) < losses[0] / 3
