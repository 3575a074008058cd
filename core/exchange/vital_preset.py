"""Presets of the synthesizer Vital (`.vital`) that play a synth of this project with given curves.

The oscillator has the wavetable of the synth, the filter is the linear one of `core.exchange.vital_filter`, and each
curve is an LFO that is played once with each note:

    add      wavetable position
    sub      cutoff in semitones, from the lowest cutoff of the synth to its highest
    env      level of the oscillator, the square root of the curve, because Vital's level is quadratic
    vibrato  tune around that of the note

The synth's envelope follows its filter, Vital's level precedes it, which is the same while the level moves slowly
against the filter's response. A preset is complete without vita: Vital gives controls that it does not find their
defaults, as it does for presets of older versions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.data.renderers.vital_json import (
    LAST_FRAME,
    ONCE,
    UNIT_VOLUME,
    lfo_controls,
    lfo_settings,
    modulation_controls,
    play_note,
)
from core.errors import DataError
from core.exchange.shapes import fit_shape, unit_curve
from core.exchange.vital_filter import HIGHEST_NOTE, LINEAR_PEAK, LOWEST_NOTE, VitalFilter, vital_filter
from core.exchange.vital_json import preset_text
from core.settings.audio import AudioConfig
from core.settings.filters import MAX_CUTOFF_SHARE, RbjFilterConfig
from core.settings.synths import ModSynthConfig, SubtractiveConfig, SynthConfig
from core.synths.subtractive import saw_and_square

SUFFIX = ".vital"
LONGEST_S = 128.0
"""Length of Vital's slowest LFO."""
TOLERANCE = 0.005
"""Largest error of the LFOs unless they need too many points: a third of a semitone if the cutoff spans six octaves."""
_MAX_VOLUME_GAIN = 10 ** (6 / 20)
"""Gain of Vital's highest volume."""
_TUNE_RANGE, _TRANSPOSE_RANGE = 2.0, 96.0
"""Semitones between the ends of Vital's tune and of its transposition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalPreset:
    """A preset and how to play it."""

    text: str
    """Content of a `.vital` file."""
    note: int
    """MIDI note that has the pitch of the sound."""
    shape_errors: Mapping[str, float]
    """Largest deviation of each LFO from what it follows, by modulation; that of `env` is of the square root."""
    remarks: tuple[str, ...]
    """What the preset does not do as the synth does, in sentences; empty if nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedSynth:
    """A synth that played a sound, and what it played."""

    synth: SynthConfig
    audio: AudioConfig
    curves: Mapping[str, Float[ndarray, " frame"]]
    """The curves in 0..1, by modulation."""
    wavetable: Float[ndarray, "position sample"] | None
    """Wavetable of the oscillator; None for a synth that has none."""
    f0_hz: float
    resonance: float
    """Of the filter, 0..1."""
    peak: float
    """Largest magnitude of the sound."""
    phase: float = 0.0
    """Phase of the oscillator at the start in cycles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Modulated:
    """A control of Vital that follows a curve."""

    destinations: tuple[str, ...]
    base: float
    """Value of the control where the curve is 0, or where it is 0.5 if the modulation is bipolar."""
    span: float
    """Change of the control from curve value 0 to 1."""
    control_range: float
    """Distance between the ends of the control."""
    curve: Float[ndarray, " frame"]
    still: float
    """Curve value that holds the control at the mean of the synth's curve."""
    is_bipolar: bool = False

    @property
    def amount(self) -> float:
        """Depth of the modulation."""
        return self.span / self.control_range

    @property
    def held(self) -> float:
        """Value of the control without its LFO."""
        return self.base + self.span * (self.still - (0.5 if self.is_bipolar else 0.0))


def check_exportable(synth: SynthConfig) -> RbjFilterConfig:
    """The filter of a synth that Vital can play.

    Raises:
        DataError: Vital cannot play the synth.
    """
    if synth.resonant_filter is not None:
        return synth.resonant_filter
    name = f"a {synth.kind} synth" + (" with a learned filter" if isinstance(synth, ModSynthConfig) else "")
    raise DataError(
        "Vital can play mod_synth with a filter of kind 'rbj', and subtractive; it has no counterpart of "
        f"{name}; fit the sound with one of those for a preset"
    )


def vital_preset(played: PlayedSynth, name: str, *, comments: str = "", with_lfos: bool = True) -> VitalPreset:
    """A preset that plays the sound of a synth.

    Args:
        played: The synth and what it played.
        name: Name that Vital shows.
        comments: Comments that Vital shows, after a sentence that names modstudy.
        with_lfos: Whether the controls follow the curves; else they are held at the means of the curves.

    Raises:
        DataError: Vital cannot play the synth, its pitch or its length, or a curve is not in 0..1.
    """
    filter_ = check_exportable(played.synth)
    table = _table(played)
    if not 0 < played.audio.duration_s <= LONGEST_S:
        raise DataError(
            f"an LFO of Vital lasts at most {LONGEST_S:g} s; the sound has {played.audio.duration_s:g} s; cut it"
        )
    note, tune = _note(played.f0_hz)
    remarks: list[str] = []
    q = filter_.min_q * (filter_.max_q / filter_.min_q) ** played.resonance
    vital = vital_filter(filter_.response, q)
    if vital.q != q:
        remarks.append(f"Vital's filter has a Q of 0.5 to 16; the sound's is {q:.3g}.")
    # A wavetable of peak 1 at full level and volume 0 dB has an amplitude of 1 in Vital too. The volume follows the
    # filter, so it takes all of the gain that it can, and the wavetable the rest.
    table_peak = float(np.abs(table).max())
    filter_peak = played.peak * vital.headroom
    volume = min(max(table_peak * vital.gain, filter_peak / LINEAR_PEAK, 1e-4), _MAX_VOLUME_GAIN)
    if filter_peak / volume > LINEAR_PEAK:
        remarks.append("The sound is so loud that Vital's filter may saturate its peaks.")
    table = table * (vital.gain / volume)
    controlled = _controlled(played, filter_, vital, tune)
    fits = {
        modulation: fit_shape(each.curve, modulation, tolerance=TOLERANCE) for modulation, each in controlled.items()
    }
    controls = _fixed_controls(volume, tune, played.phase) | vital.controls()
    lfos: list[dict[str, Any]] = []
    modulations: list[tuple[str, str]] = []
    for modulation, each in controlled.items():
        for destination in each.destinations:
            controls[destination] = each.base if with_lfos else each.held
        if not with_lfos:
            continue
        lfos.append(lfo_settings(fits[modulation].shape, modulation))
        for destination in each.destinations:
            modulations.append((f"lfo_{len(lfos)}", destination))
            controls |= modulation_controls(len(modulations), each.amount, is_bipolar=each.is_bipolar)
        controls |= lfo_controls(len(lfos), rate_hz=1.0 / played.audio.duration_s, sync_type=ONCE, phase=0.0)
    text = preset_text(
        name,
        comments=" ".join(filter(None, ("Made by modstudy from a sound.", *remarks, comments))),
        controls=controls,
        table=table,
        lfos=lfos,
        modulations=modulations,
    )
    errors = {modulation: fit.error for modulation, fit in fits.items()} if with_lfos else {}
    return VitalPreset(text=text, note=note, shape_errors=errors, remarks=tuple(remarks))


def render_vital_preset(text: str, note: int, *, sample_rate: int, duration_s: float) -> Float[ndarray, " sample"]:
    """A note of a `.vital` preset in mono, rendered by the package `vita`; the note is held over the whole length.

    Args:
        text: Content of the preset.
        note: MIDI note.
        sample_rate: In Hz.
        duration_s: Length of the sound.

    Raises:
        DataError: vita is not installed, or it refuses the preset.
    """

    def load(synth: Any) -> None:
        if not synth.load_json(text):
            raise DataError("Vital refused the preset: it is not one of a version that the installed vita knows")

    return play_note(load, note, sample_rate=sample_rate, duration_s=duration_s)


# ---------------------------------------------------------------------------------------------------------------------


def _table(played: PlayedSynth) -> Float[ndarray, "position sample"]:
    """The wavetable of the oscillator, at least two positions.

    Raises:
        DataError: it is missing, silent or not finite.
    """
    table = saw_and_square().numpy() if isinstance(played.synth, SubtractiveConfig) else played.wavetable
    if table is None or len(table) < 2 or not np.isfinite(table).all() or not np.abs(table).max() > 0:
        raise DataError(
            "a preset needs the wavetable of the synth: two or more cycles of finite values that are not all 0; got "
            + ("none" if table is None else f"one of shape {table.shape}")
        )
    return np.asarray(table, dtype=np.float64)


def _note(f0_hz: float) -> tuple[int, float]:
    """The MIDI note nearest to a pitch, and what is left in semitones.

    Raises:
        DataError: no MIDI note is near.
    """
    semitones = 69 + 12 * math.log2(f0_hz / 440) if 0 < f0_hz < math.inf else math.nan
    if not -0.5 <= semitones < 127.5:
        raise DataError(f"Vital plays notes of 8 Hz to 12.9 kHz; the sound has a pitch of {f0_hz:g} Hz")
    note = round(semitones)
    return note, semitones - note


def _controlled(
    played: PlayedSynth, filter_: RbjFilterConfig, vital: VitalFilter, tune: float
) -> dict[str, _Modulated]:
    """Vital's controls by the modulation that moves them."""
    curves = {name: unit_curve(curve, name) for name, curve in played.curves.items()}
    missing = [each.name for each in played.synth.modulations if each.name not in curves]
    if missing:
        raise DataError(f"a preset needs a curve for each modulation of the synth; {', '.join(missing)} is missing")
    add, sub, env = curves["add"], curves["sub"], curves["env"]
    highest = min(filter_.max_cutoff_hz, MAX_CUTOFF_SHARE * played.audio.sample_rate)
    low, high = (69 + 12 * math.log2(hz / 440) for hz in (filter_.min_cutoff_hz, highest))
    lowest_note, highest_note = (min(max(each, LOWEST_NOTE), HIGHEST_NOTE) for each in (low, high))
    span = max(highest_note - lowest_note, 1e-3)

    def in_range(curve: Float[ndarray, " frame"]) -> Float[ndarray, " frame"]:
        return np.clip((low + (high - low) * curve - lowest_note) / span, 0.0, 1.0)

    controlled = {
        "add": _Modulated(
            destinations=("osc_1_wave_frame",),
            base=0.0,
            span=float(LAST_FRAME),
            control_range=float(LAST_FRAME),
            curve=add,
            still=float(add.mean()),
        ),
        "sub": _Modulated(
            destinations=tuple(f"filter_{number}_cutoff" for number, _ in enumerate(vital.blends, start=1)),
            base=lowest_note,
            span=span,
            control_range=HIGHEST_NOTE - LOWEST_NOTE,
            curve=in_range(sub),
            still=float(in_range(sub.mean(keepdims=True))[0]),
        ),
        "env": _Modulated(
            destinations=("osc_1_level",),
            base=0.0,
            span=1.0,
            control_range=1.0,
            curve=np.sqrt(env),
            still=math.sqrt(env.mean()),
        ),
    }
    depth = played.synth.vibrato_semitones
    if depth > 0:
        vibrato = curves["vibrato"]
        by_tune = 2 * depth <= _TUNE_RANGE
        controlled["vibrato"] = _Modulated(
            destinations=("osc_1_tune" if by_tune else "osc_1_transpose",),
            base=tune if by_tune else 0.0,
            span=2 * depth,
            control_range=_TUNE_RANGE if by_tune else _TRANSPOSE_RANGE,
            curve=vibrato,
            still=float(vibrato.mean()),
            is_bipolar=True,
        )
    return controlled


def _fixed_controls(volume: float, tune: float, phase: float) -> dict[str, float]:
    """Values of the controls that no curve moves and whose defaults are others."""
    return {
        "osc_1_on": 1.0,
        # In Vital the middle of the cycle is phase 0.
        "osc_1_phase": (phase + 0.5) % 1.0,
        "osc_1_random_phase": 0.0,
        "osc_1_tune": tune,
        "env_1_attack": 0.0,
        "env_1_sustain": 1.0,
        # Vital's filter has the response of the cookbook's at the sample rate that it runs at.
        "oversampling": 0.0,
        "volume": (math.sqrt(UNIT_VOLUME) + 20 * math.log10(volume)) ** 2,
    }
