"""A sound and the curves that a fit finds in it, with what each of them does to the sound."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from core.discovery.discovered_sound import DiscoveredCurve, DiscoveredSound
from core.discovery.fit import FittedSynth, OnStep, fit_sound, refine_sound
from core.discovery.harmonics import tuned
from core.discovery.pitch_contour import moving_pitch, vibrato_curve, vibrato_depth
from core.discovery.pitch_finding import Pitch
from core.discovery.sound_input import LoadedSound
from core.discovery.trained_arm import PitchedSound, TrainedArm
from core.discovery.windowed_controls import windowed_sound
from core.metrics.audio import mss_distance
from core.ops.table_read import band_limit
from core.seeding import generator
from core.settings.audio import AudioConfig
from core.settings.discovery import DiscoverySettings
from core.synths.mod_synth import ModSynth
from core.synths.note import Note


def discover(
    sound: LoadedSound,
    pitch: Pitch,
    settings: DiscoverySettings,
    *,
    follow_pitch: bool = True,
    on_step: OnStep = lambda *_: None,
) -> DiscoveredSound:
    """Fit a sound, and measure what each curve does to it.

    Args:
        sound: The sound.
        pitch: Its pitch, which is tuned by up to 40 cents.
        settings: Synth, parameterization and steps.
        follow_pitch: Whether a synth without a vibrato gets one if the pitch of the sound moves.
        on_step: Called after each step of the fit.
    """
    rate = sound.sample_rate
    audio = settings.audio(len(sound.audio), rate)
    target = torch.nn.functional.pad(torch.from_numpy(sound.audio), (0, audio.n_samples - len(sound.audio)))
    f0_hz = tuned(target, rate, pitch.f0_hz)
    contour = moving_pitch(target, rate, f0_hz) if follow_pitch else None
    if contour is not None and settings.synth.vibrato_semitones == 0:
        settings = replace(settings, synth=settings.synth.with_vibrato(vibrato_depth(contour)))
    depth = settings.synth.vibrato_semitones
    vibrato = None if contour is None or depth == 0 else vibrato_curve(contour, depth, audio.n_frames)
    fitted = fit_sound(target, f0_hz, audio, settings, vibrato=vibrato, on_step=on_step)
    origin = f"fitted in {settings.steps} steps"
    return _measured(sound, pitch, target, f0_hz, audio, settings, fitted, origin=origin)


def discover_from(
    arm: TrainedArm,
    sound: LoadedSound,
    pitch: Pitch,
    settings: DiscoverySettings,
    *,
    origin: str,
    on_step: OnStep = lambda *_: None,
) -> DiscoveredSound:
    """Start from the curves and the synth of a trained arm, and measure what each curve does.

    Args:
        arm: The arm, whose sample rate the sound has.
        sound: The sound.
        pitch: Its pitch.
        settings: The steps; synth and parameterization are those of the arm.
        origin: The arm in words.
        on_step: Called after each step.

    Raises:
        ConfigError: the synth of the arm is granular.
    """
    encoded = arm.config.encoded
    assert encoded is not None
    settings = replace(settings, synth=arm.config.synth, parameterization=encoded)
    pitched = PitchedSound(id=sound.name, audio=sound.audio, gain=sound.gain, f0_hz=pitch.f0_hz)
    start = arm.start_of(pitched)
    audio = replace(arm.audio, duration_s=(start.windows.n_frames - 1) * arm.audio.hop_length / sound.sample_rate)
    level = arm.level(pitched)
    target = level * torch.nn.functional.pad(torch.from_numpy(sound.audio), (0, audio.n_samples - len(sound.audio)))
    fitted = refine_sound(target, pitch.f0_hz, audio, settings, start, on_step=on_step)
    steps = f", then fitted in {settings.steps} steps" if settings.steps else ""
    return _measured(sound, pitch, target, pitch.f0_hz, audio, settings, fitted, origin=origin + steps, level=level)


def _measured(
    sound: LoadedSound,
    pitch: Pitch,
    target: Float[Tensor, " sample"],
    f0_hz: float,
    audio: AudioConfig,
    settings: DiscoverySettings,
    fitted: FittedSynth,
    *,
    origin: str,
    level: float = 1.0,
) -> DiscoveredSound:
    """The sound with what its curves do; `level` is the peak at which it was fitted, and here it is 1."""
    player = Player(fitted, f0_hz, audio, settings.seed)
    estimate = player.sound(fitted.curves)
    mss = player.distance(estimate, target)
    means = fitted.curves.mean(1, keepdim=True).expand_as(fitted.curves)
    curves = []
    for row, modulation in enumerate(settings.synth.modulations):
        held, alone = fitted.curves.clone(), means.clone()
        held[row], alone[row] = means[row], fitted.curves[row]
        muted, solo = player.sound(held), player.sound(alone)
        curves.append(
            DiscoveredCurve(
                modulation=modulation,
                values=_array(fitted.curves[row]),
                effect=player.distance(muted, target) - mss,
                solo=_array(solo / level),
                muted=_array(muted / level),
            )
        )
    return DiscoveredSound(
        name=sound.name,
        source=sound.source,
        audio=audio,
        f0_hz=f0_hz,
        pitch_source=pitch.source,
        resonance=0.0 if settings.synth.resonant_filter is None else fitted.resonance,
        gain=sound.gain,
        target=_array(target / level),
        estimate=_array(estimate / level),
        curves=tuple(curves),
        mss=mss,
        constant_mss=player.distance(fitted.still_estimate, target),
        synth=settings.synth,
        parameterization=settings.parameterization,
        wavetable=wavetable_of(fitted, f0_hz, audio, level),
        origin=origin,
    )


class Player:
    """Plays curves on a fitted synth, always at the same phase and with the same noise."""

    def __init__(self, fitted: FittedSynth, f0_hz: float, audio: AudioConfig, seed: int) -> None:
        noise = None
        if fitted.synth.needs_noise:
            noise = 2 * torch.rand(1, audio.n_samples, generator=generator(seed, "discovery noise")) - 1
        self._synth, self._windows = fitted.synth, fitted.windows
        self._rate = audio.sample_rate
        self._note = Note(
            f0_hz=torch.tensor([f0_hz], dtype=torch.float32),
            q=torch.tensor([fitted.resonance]),
            phase=torch.zeros(1),
            noise=noise,
        )

    @torch.no_grad()
    def sound(self, curves: Float[Tensor, "modulation frame"]) -> Float[Tensor, " sample"]:
        """The sound of curves."""
        return windowed_sound(self._synth, curves, self._note, self._windows)

    def distance(self, sound: Float[Tensor, " sample"], target: Float[Tensor, " sample"]) -> float:
        """The distance `audio.mss` of a sound from its target."""
        return float(mss_distance(target[None], sound[None], self._rate))


def wavetable_of(
    fitted: FittedSynth, f0_hz: float, audio: AudioConfig, level: float = 1.0
) -> Float[ndarray, "position cycle"] | None:
    """The wavetable of a synth that has one, over `level`.

    It has none of the harmonics that the pitch places above Nyquist, because none of them was heard.
    """
    if not isinstance(fitted.synth, ModSynth):
        return None
    table = fitted.synth.oscillator.table.detach()
    return _array(band_limit(table, torch.tensor([f0_hz]), audio.sample_rate, table.shape[1])[0] / level)


def _array(values: Tensor) -> ndarray:
    return np.asarray(values.detach().numpy(), dtype=np.float32)
