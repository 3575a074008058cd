"""A sound with the modulation curves that were found in it, and what each of them does to the sound."""

from dataclasses import dataclass

from jaxtyping import Float
from numpy import ndarray

from core.modulations import Modulation
from core.settings.audio import AudioConfig
from core.settings.parameterizations import ParameterizationConfig
from core.settings.synths import SynthConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredCurve:
    """A modulation curve of a sound."""

    modulation: Modulation
    """Name and meaning of the curve."""
    values: Float[ndarray, " frame"]
    """The curve in 0..1, at samples 0, hop_length, 2 hop_length, ..."""
    effect: float
    """Rise of the distance `audio.mss` of the estimate from the target when this curve is held at its mean."""
    solo: Float[ndarray, " sample"]
    """The estimate with all other curves held at their means."""
    muted: Float[ndarray, " sample"]
    """The estimate with this curve held at its mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredSound:
    """A sound, its estimate by a synth, and the curves that control the synth."""

    name: str
    """Name of the sound, valid in file names."""
    source: str
    """Printable path of the file."""
    audio: AudioConfig
    """Sample rate, length and hop between frames of the curves."""
    f0_hz: float
    """Pitch of the note."""
    pitch_source: str
    """Where the pitch comes from: given, metadata, file name, tracked or assumed."""
    resonance: float
    """Resonance of the synth's filter in 0..1; 0 for synths whose filter has none."""
    gain: float
    """What the file's samples were multiplied by to get `target`, whose largest magnitude is 1."""
    target: Float[ndarray, " sample"]
    """The sound in mono."""
    estimate: Float[ndarray, " sample"]
    """The sound of the synth, played by the curves."""
    curves: tuple[DiscoveredCurve, ...]
    """In the order of the synth's modulations."""
    mss: float
    """Distance `audio.mss` of the estimate."""
    constant_mss: float
    """The same for the best estimate with constant curves: what the sound's timbre explains without modulation."""
    synth: SynthConfig
    parameterization: ParameterizationConfig
    wavetable: Float[ndarray, "position cycle"] | None
    """The wavetable of the synth's oscillator, given or learned, a cycle per position; None for synths without one."""
    origin: str
    """How the curves were found, in words, for example `fitted in 600 steps` or `lpf-8 of own_sounds, seed 3`."""
