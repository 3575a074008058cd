"""The contract of a synth."""

import math
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_args

import torch
from torch import Tensor

from core.discovery.windowed_controls import frame_axis
from core.seeding import generator, initialise
from core.settings.audio import AudioConfig
from core.settings.synths import SynthConfig
from core.synths.base import Synth
from core.synths.build import build_synth
from core.synths.diagnostics import diagnose
from core.synths.note import Note

AUDIO = AudioConfig(sample_rate=16_000, duration_s=0.125, hop_length=125)
BATCH = 3
Check = Callable[[SynthConfig], None]


def every_synth() -> Iterator[SynthConfig]:
    """The configs that together run every kernel of every synth."""
    for cls in get_args(SynthConfig):
        yield from cls.warm_ups()


def every_option() -> Iterator[SynthConfig]:
    """A config of each synth that can have a vibrato with one, and with granular control too where it has that."""
    for synth in every_synth():
        if "vibrato_semitones" not in {field.name for field in fields(synth)}:
            continue
        vibrato: Any = {"vibrato_semitones": 2.0}
        bent = replace(synth, **vibrato)
        yield bent
        if synth.adapters:
            granular: Any = {"control": "granular"}
            yield replace(bent, **granular)


def modulations_are_named(config: SynthConfig) -> None:
    names = [modulation.name for modulation in config.modulations]
    assert names, "a synth is played by at least one modulation"
    assert len(set(names)) == len(names), f"names of modulations differ from each other; got {names}"
    for modulation in config.modulations:
        assert modulation.name.isidentifier(), f"{modulation.name!r} must be an identifier"
        assert modulation.name.islower(), f"{modulation.name!r} must be lower case"
        assert modulation.description, f"{modulation.name} needs a description"


def sound_has_the_length_of_a_clip(config: SynthConfig) -> None:
    audio = _synth(config)(_curves(config), _note())
    assert audio.shape == (BATCH, AUDIO.n_samples)
    assert bool(audio.isfinite().all())
    assert float(audio.detach().abs().max()) > 0, "half-open curves must make a sound"


def a_clip_sounds_the_same_alone_and_in_a_batch(config: SynthConfig) -> None:
    synth, curves, note = _synth(config), _curves(config), _note()
    together = synth(curves, note)
    for i in range(BATCH):
        part = slice(i, i + 1)
        torch.testing.assert_close(synth(curves[part], note[part]), together[part], rtol=1e-4, atol=1e-5)


def gradients_are_finite_at_the_corners(config: SynthConfig) -> None:
    synth, note = _synth(config), _note()
    for value in (0.0, 0.5, 1.0):
        curves = torch.full_like(_curves(config), value).requires_grad_()
        synth(curves, note).square().sum().backward()
        assert curves.grad is not None
        assert bool(curves.grad.isfinite().all()), f"gradient of the curves at {value}"
        for name, parameter in synth.named_parameters():
            assert parameter.grad is None or bool(parameter.grad.isfinite().all()), f"gradient of {name} at {value}"
            parameter.grad = None


def it_is_silent_where_an_amplitude_is_zero(config: SynthConfig) -> None:
    synth, note = _synth(config), _note()
    for i, modulation in enumerate(config.modulations):
        if modulation.is_amplitude:
            curves = _curves(config)
            curves[:, i] = 0
            assert float(synth(curves, note).detach().abs().max()) == 0, f"{modulation.name} = 0 must be silence"


def controls_stay_in_their_declared_ranges(config: SynthConfig) -> None:
    synth = _synth(config)
    corners = [torch.full_like(_curves(config), value) for value in (0.0, 1.0)]
    for curves in (_curves(config), *corners):
        controls = synth.controls(synth.split_vibrato(curves, _note())[0])
        assert is_dataclass(controls)
        names = [field.name for field in fields(controls)]
        assert set(synth.control_ranges) == set(names), "control_ranges has an entry for each control"
        for name in names:
            value: Tensor = getattr(controls, name)
            low, high = synth.control_ranges[name]
            tolerance = 1e-4 * max([1.0, *(abs(end) for end in (low, high) if math.isfinite(end))])
            assert float(value.detach().min()) >= low - tolerance, f"{name} below {low}"
            assert float(value.detach().max()) <= high + tolerance, f"{name} above {high}"


def the_curriculum_is_drawn_from_its_generator(config: SynthConfig) -> None:
    synth, curves, note = _synth(config), _curves(config), _note()
    first, again = (synth(curves, note, 1.0, generator(3, "curriculum")) for _ in range(2))
    assert torch.equal(first, again)


def its_modules_can_be_diagnosed(config: SynthConfig) -> None:
    found = diagnose(_synth(config), _curves(config), _note(), AUDIO.sample_rate)
    assert all(math.isfinite(each.value) for each in found)
    assert len({(each.kind, each.module) for each in found}) == len(found), "each number is given once"


def controls_sound_the_same_at_any_length(config: SynthConfig) -> None:
    longer = replace(AUDIO, duration_s=3 * AUDIO.duration_s)
    short, long = _synth(config), build_synth(config, longer)
    long.load_state_dict(short.state_dict())
    others, note = short.split_vibrato(_curves(config), _note())
    controls = short.controls(others)
    n_more = longer.n_frames - AUDIO.n_frames

    def held(frames: Tensor) -> Tensor:
        axis = frame_axis(frames, AUDIO.n_frames)
        last = frames.narrow(axis, AUDIO.n_frames - 1, 1)
        return torch.cat([frames, last.repeat_interleave(n_more, axis)], axis)

    # Controls and noise go on after those of the short sound.
    extended = replace(controls, **{field.name: held(getattr(controls, field.name)) for field in fields(controls)})
    assert note.noise is not None
    rest = torch.zeros(BATCH, longer.n_samples - AUDIO.n_samples)
    bend = None if note.bend is None else held(note.bend)
    sound = long.render(extended, replace(note, noise=torch.cat([note.noise, rest], 1), bend=bend))
    assert sound.shape == (BATCH, longer.n_samples)
    # Filtered noise at the end of the short sound lacks what follows.
    n_same = AUDIO.n_samples // 2
    torch.testing.assert_close(sound[:, :n_same], short.render(controls, note)[:, :n_same], rtol=1e-4, atol=1e-5)


CHECKS: tuple[Check, ...] = (
    modulations_are_named,
    sound_has_the_length_of_a_clip,
    a_clip_sounds_the_same_alone_and_in_a_batch,
    gradients_are_finite_at_the_corners,
    it_is_silent_where_an_amplitude_is_zero,
    controls_stay_in_their_declared_ranges,
    the_curriculum_is_drawn_from_its_generator,
    its_modules_can_be_diagnosed,
    controls_sound_the_same_at_any_length,
)


def _synth(config: SynthConfig) -> Synth[Any]:
    config.check(AUDIO)
    synth = build_synth(config, AUDIO)
    initialise(synth, 0)
    return synth


def _curves(config: SynthConfig) -> Tensor:
    shape = BATCH, len(config.modulations) + sum(config.free_controls), AUDIO.n_frames
    return 0.1 + 0.8 * torch.rand(shape, generator=generator(0, "curves"))


def _note() -> Note:
    draw = generator(0, "note")
    return Note(
        f0_hz=100 + 300 * torch.rand(BATCH, generator=draw),
        q=torch.rand(BATCH, generator=draw),
        phase=torch.rand(BATCH, generator=draw),
        noise=2 * torch.rand(BATCH, AUDIO.n_samples, generator=draw) - 1,
    )
