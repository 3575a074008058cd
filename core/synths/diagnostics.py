"""What the modules of a synth do with given curves: aliasing, the ringing of learned filters, and silent branches.

Measured on sounds that are rendered for it, so that a module counts by what is heard of it and not by its settings.

* Aliasing: with constant curves and without noise, a note has energy at the multiples of its pitch only. The rest is
  what sampling folded back, or a table that is read too coarsely. Its share is found in one windowed spectrum of the
  clip (Blackman-Harris, side lobes below -92 dB: Harris 1978), away from the main lobes of the multiples.
* Ringing: seconds until the response to an impulse stays 60 dB below its peak, as for the reverberation time of rooms.
  The filter moves as it does in the clip, so that a response which grows because stable poles change places counts as
  well as one of poles near the unit circle. Impulses start at several moments.
* Level: energy of one branch alone, over that of all branches.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.synths.base import Synth
from core.synths.engel import Engel
from core.synths.filters import LearnedFilter
from core.synths.fm import Fm
from core.synths.mod_synth import ModSynth
from core.synths.note import Note
from core.synths.shan import Shan
from core.synths.subtractive import Subtractive

MeasureKind = Literal["aliasing_db", "ringing_s", "level_db"]
"""What is measured of a module: `aliasing_db` and `level_db` in dB of energy, `ringing_s` in seconds."""
FLOOR_DB = -200.0
"""Smallest level; that of silence is undefined."""
_BLACKMAN_HARRIS = (0.35875, 0.48829, 0.14128, 0.01168)
_MAIN_LOBE = 5
"""Bins to each side of a multiple of the pitch that belong to it: the main lobe has 4, and slow drifts widen it."""
_DECAY = 1e-3
"""60 dB."""
_N_IMPULSES = 4
"""Moments of a clip at which impulses start, at equal distances from its beginning."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number about one module."""

    kind: MeasureKind
    module: str
    """Name of the module, such as `noise`; `sound` for the whole synth."""
    value: float


@torch.no_grad()
def diagnose(
    synth: Synth[Any], modulation: Float[Tensor, "clip channel frame"], note: Note, sample_rate: int
) -> tuple[Measure, ...]:
    """All measures that apply to a synth: the largest ringing, and means over the clips of shares of energy.

    Args:
        synth: The synth, with its trained weights.
        modulation: Inputs of the synth in some clips: curves, and free controls of a granular synth.
        note: Their notes.
        sample_rate: Sample rate of the sound in Hz.
    """
    measures = []
    if _is_harmonic(synth):
        share = inharmonic_share(_steady_sound(synth, modulation, note), note.f0_hz, sample_rate)
        if not share.isnan().all():
            measures.append(Measure("aliasing_db", "sound", _decibels(float(share.nanmean()))))
    for name, ringing in _ringing_s(synth, modulation, note, sample_rate).items():
        measures.append(Measure("ringing_s", name, float(ringing.max())))
    for name, level in _branch_levels(synth, modulation, note).items():
        measures.append(Measure("level_db", name, _decibels(float(level.nanmean()))))
    return tuple(measures)


def inharmonic_share(
    audio: Float[Tensor, "clip sample"], f0_hz: Float[Tensor, " clip"], sample_rate: int
) -> Float[Tensor, " clip"]:
    """Share of the energy that is not at the multiples of the pitch, the mean included; NaN for silence.

    What lies within five bins of a multiple counts as part of it. NaN too where these bins leave less than half of the
    spectrum, because the clip is too short for its pitch.
    """
    n_samples = audio.shape[1]
    power = torch.fft.rfft(audio.double() * _window(n_samples).to(audio.device)).abs().square()
    hz_per_bin = sample_rate / n_samples
    bins = torch.arange(power.shape[1], dtype=torch.float64, device=audio.device)
    per_harmonic = f0_hz.double()[:, None] / hz_per_bin
    nearest = (bins / per_harmonic).round() * per_harmonic
    is_between = (bins - nearest).abs() > _MAIN_LOBE
    total = power.sum(1)
    share = (power * is_between).sum(1) / total
    is_known = (is_between.double().mean(1) >= 0.5) & (total > 0)
    return torch.where(is_known, share, torch.nan).to(audio.dtype)


def decay_s(response: Float[Tensor, "row sample"], sample_rate: int) -> Float[Tensor, " row"]:
    """Seconds from the start until a response stays 60 dB below its peak; its whole length if it does not."""
    level = response.abs()
    is_loud = ~(level <= _DECAY * level.amax(1, keepdim=True))  # NaN is loud
    samples = torch.arange(1, response.shape[1] + 1, device=response.device)
    last: Tensor = (is_loud * samples).amax(1)
    return torch.where(level.amax(1) == 0, 0.0, last / sample_rate)


# ---------------------------------------------------------------------------------------------------------------------


def _is_harmonic(synth: Synth[Any]) -> bool:
    """Whether notes with constant curves and without noise have energy at the multiples of their pitch only."""
    match synth:
        case ModSynth() | Engel() | Shan() | Subtractive():
            return True
        case Fm():
            return float(synth.ratio).is_integer()
        case _:
            return False


def _branches(synth: Synth[Any], controls: Any) -> Mapping[str, Any]:
    """Controls that play one branch alone, by its name, of a synth that adds branches."""
    match synth:
        case Engel():
            return {
                "harmonics": replace(controls, noise_magnitudes=torch.zeros_like(controls.noise_magnitudes)),
                "noise": replace(controls, harmonic_amplitude=torch.zeros_like(controls.harmonic_amplitude)),
            }
        case _:
            return {}


def _steady_sound(
    synth: Synth[Any], modulation: Float[Tensor, "clip modulation frame"], note: Note
) -> Float[Tensor, "clip sample"]:
    """Sound of the mean values of the curves at the pitch of the note, without noise."""
    noise = None if note.noise is None else torch.zeros_like(note.noise)
    steady = modulation.mean(-1, keepdim=True).expand_as(modulation).contiguous()
    if synth.vibrato is not None:
        steady[:, synth.vibrato.channel] = 0.5
    sound: Tensor = synth(steady, replace(note, noise=noise))
    return sound


def _branch_levels(
    synth: Synth[Any], modulation: Float[Tensor, "clip modulation frame"], note: Note
) -> dict[str, Float[Tensor, " clip"]]:
    """Energy of each branch over that of the loudest one, by name."""
    others, bent = synth.split_vibrato(modulation, note)
    controls = synth.controls(others)
    energies = {
        name: synth.render(alone, bent).double().square().sum(1) for name, alone in _branches(synth, controls).items()
    }
    if not energies:
        return {}
    loudest = torch.stack(list(energies.values())).amax(0)
    return {name: energy / loudest for name, energy in energies.items()}


def _ringing_s(
    synth: Synth[Any], modulation: Float[Tensor, "clip modulation frame"], note: Note, sample_rate: int
) -> dict[str, Float[Tensor, " row"]]:
    """Decay of the responses of each learned filter to impulses, with the controls it has in these clips."""
    filters = {name: module for name, module in synth.named_modules() if isinstance(module, LearnedFilter)}
    with _recorded_logits(filters) as recorded:
        synth(modulation, note)
    found = {}
    for name, logits in recorded.items():
        n_samples, n_clips = synth.n_samples, len(logits)
        decays = []
        for start in range(0, n_samples, -(-n_samples // _N_IMPULSES)):
            impulse = logits.new_zeros(n_clips, n_samples)
            impulse[:, start] = 1.0
            response = filters[name](impulse, logits, torch.ones_like(logits[..., 0]))
            decays.append(decay_s(response[:, start:], sample_rate))
        found[name] = torch.cat(decays)
    return found


@contextmanager
def _recorded_logits(filters: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """The logits with which each filter is called meanwhile, by name."""
    recorded: dict[str, Tensor] = {}

    def recorder(name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def record(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            recorded[name] = inputs[1]

        return record

    handles = [module.register_forward_pre_hook(recorder(name)) for name, module in filters.items()]
    try:
        yield recorded
    finally:
        for handle in handles:
            handle.remove()


def _window(n_samples: int) -> Float[Tensor, " {n_samples}"]:
    """Blackman-Harris window, periodic."""
    angle = 2 * math.pi * torch.arange(n_samples, dtype=torch.float64) / n_samples
    return sum(
        ((-1) ** k * weight * torch.cos(k * angle) for k, weight in enumerate(_BLACKMAN_HARRIS)),
        torch.zeros(n_samples, dtype=torch.float64),
    )


def _decibels(share: float) -> float:
    return max(FLOOR_DB, 10 * math.log10(share)) if share > 0 else FLOOR_DB
