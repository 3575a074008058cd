"""All files of a discovered sound: sounds, curves and wavetable in the formats of synths, DAWs and data tools."""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float
from numpy import ndarray

from core.discovery.discovered_sound import DiscoveredSound
from core.errors import DataError
from core.exchange.midi import MidiCurves, curves_midi
from core.exchange.shapes import fit_shape, unit_curve, vital_lfo_text
from core.exchange.tables import CurveTable, arrow_bytes, csv_bytes, npz_bytes
from core.exchange.vital_preset import PlayedSynth, VitalPreset, vital_preset
from core.exchange.wavetables import wavetable_wav
from core.settings.filters import MAX_CUTOFF_SHARE
from core.settings.value_rules import listed, printable
from core.sound_decoding import reason
from core.storage.atomic_write import write_atomically, write_new
from core.storage.sounds import file_safe

MAX_NAME_BYTES = 120
"""Longest file name without its suffix; most file systems have 255 bytes."""
_SILENT = 1e-9
"""RMS below which a sound has no level to match."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFiles:
    """What was written for a sound."""

    folder: Path
    names: tuple[str, ...]
    """Names of the files, in the order in which they were written."""
    shape_errors: Mapping[str, float]
    """Largest deviation of each `.vitallfo` shape from its curve, by modulation."""
    preset: VitalPreset | None
    """The `.vital` preset; None if Vital cannot play the synth."""
    no_preset_because: str
    """Why there is no preset; empty if there is one."""
    controllers: Mapping[str, int]
    """Number of the MIDI controller by modulation."""
    gain: float
    """What all sounds were multiplied by so that none is clipped: 1 unless one of them exceeds full scale."""
    match_gain: float
    """RMS of the target over that of the estimate: what the estimate has to be multiplied by to be as loud."""


def write_sound_files(
    sound: DiscoveredSound, folder: Path, *, tempo_bpm: float, midi_14_bit: bool = False, overwrite: bool = False
) -> ExportedFiles:
    """Write all files of a sound into a folder, which is made if it is not there; each appears when it is complete.

    They are `target.wav`, `estimate.wav`, `solo-M.wav` and `muted-M.wav` for each modulation M, in 24 bits at the rate
    of the sound and at their common level; `curves.csv`, `.npz`, `.arrow` and `.mid`; `M.vitallfo`; `NAME.vital` if
    Vital can play the synth; and `wavetable.wav` if the synth has one.

    Args:
        sound: The sound.
        folder: Where to.
        tempo_bpm: Tempo of the MIDI file in beats per minute.
        midi_14_bit: Whether its controllers have 14 bits.
        overwrite: Whether files of these names are replaced.

    Raises:
        ConfigError: the tempo is out of range.
        DataError: values of the sound are not finite, or there are such files and `overwrite` is False; nothing was
            written. Or a file cannot be written.
    """
    names = tuple(curve.modulation.name for curve in sound.curves)
    curves = {curve.modulation.name: unit_curve(curve.values, curve.modulation.name) for curve in sound.curves}
    if len(curves) != len(names) or any(file_safe(name) != name for name in names):
        raise DataError(f"modulations have different names of letters, digits and _; got {listed(names)}")
    sounds = dict(_sounds(sound))
    gain = _common_gain(sounds)
    table = CurveTable(
        name=sound.name,
        frame_rate=sound.audio.frame_rate,
        f0_hz=sound.f0_hz,
        curves=curves,
        controls=physical_controls(sound),
    )
    midi = _midi(sound, curves, tempo_bpm=tempo_bpm, fourteen_bit=midi_14_bit)
    fits = {name: fit_shape(curve, name) for name, curve in curves.items()}
    preset, no_preset_because = _preset(sound)

    # Contents are made one after another, when they are written, because all sounds together may be large.
    contents: dict[str, Callable[[], bytes]] = {
        f"{name}.wav": partial(_wav, audio, gain, sound.audio.sample_rate) for name, audio in sounds.items()
    }
    contents |= {
        "curves.csv": partial(csv_bytes, table),
        "curves.npz": partial(npz_bytes, table),
        "curves.arrow": partial(arrow_bytes, table),
        "curves.mid": lambda: midi.data,
    }
    for name, fit in fits.items():
        contents[f"{name}.vitallfo"] = vital_lfo_text(fit.shape, name).encode
    if sound.wavetable is not None:
        wavetable = wavetable_wav(sound.wavetable)
        contents["wavetable.wav"] = lambda: wavetable
    if preset is not None:
        contents[f"{safe_name(sound.name)}.vital"] = preset.text.encode
    _write(folder, contents, overwrite=overwrite)
    return ExportedFiles(
        folder=folder,
        names=tuple(contents),
        shape_errors={name: fit.error for name, fit in fits.items()},
        preset=preset,
        no_preset_because=no_preset_because,
        controllers=midi.controllers,
        gain=gain,
        match_gain=_match_gain(sound),
    )


def physical_controls(sound: DiscoveredSound) -> dict[str, Float[ndarray, " frame"]]:
    """Curves in physical units, as far as the synth has them: `cutoff_hz` and `pitch_hz`."""
    values = {curve.modulation.name: np.asarray(curve.values, dtype=np.float64) for curve in sound.curves}
    controls: dict[str, Float[ndarray, " frame"]] = {}
    synth = sound.synth
    if synth.resonant_filter is not None and "sub" in values:
        low = synth.resonant_filter.min_cutoff_hz
        high = min(synth.resonant_filter.max_cutoff_hz, MAX_CUTOFF_SHARE * sound.audio.sample_rate)
        controls["cutoff_hz"] = low * (high / low) ** values["sub"]
    if synth.vibrato_semitones > 0 and "vibrato" in values:
        controls["pitch_hz"] = sound.f0_hz * 2.0 ** (synth.vibrato_semitones / 12 * (2 * values["vibrato"] - 1))
    return controls


def played_synth(sound: DiscoveredSound) -> PlayedSynth:
    """The synth of a sound and what it plays, as `core.exchange.vital_preset.vital_preset` takes it."""
    return PlayedSynth(
        synth=sound.synth,
        audio=sound.audio,
        curves={curve.modulation.name: curve.values for curve in sound.curves},
        wavetable=sound.wavetable,
        f0_hz=sound.f0_hz,
        resonance=sound.resonance,
        peak=float(np.abs(sound.estimate).max()),
    )


def safe_name(name: str) -> str:
    """A name with characters that are not letters, digits, `_`, `.` or `-` replaced, neither hidden nor too long."""
    shortened = file_safe(name).lstrip(".").encode()[:MAX_NAME_BYTES]
    return shortened.decode(errors="ignore") or "sound"


# ---------------------------------------------------------------------------------------------------------------------


def _sounds(sound: DiscoveredSound) -> Iterator[tuple[str, Float[ndarray, " sample"]]]:
    """All sounds by the name of their file."""
    yield "target", sound.target
    yield "estimate", sound.estimate
    for curve in sound.curves:
        yield f"solo-{curve.modulation.name}", curve.solo
        yield f"muted-{curve.modulation.name}", curve.muted


def _common_gain(sounds: Mapping[str, Float[ndarray, " sample"]]) -> float:
    """The largest gain up to 1 at which no sound exceeds full scale.

    Raises:
        DataError: one of them is empty or not finite.
    """
    peak = 1.0
    for name, audio in sounds.items():
        n_bad = int((~np.isfinite(audio)).sum())
        if n_bad or not len(audio):
            raise DataError(
                f"sounds have finite samples; {name} has {n_bad} of {len(audio)} that are not; fit the sound again"
            )
        peak = max(peak, float(np.abs(audio).max()))
    return 1.0 / peak


def _match_gain(sound: DiscoveredSound) -> float:
    """RMS of the target over that of the estimate; 1 if one of them is silent."""
    target, estimate = _rms(sound.target), _rms(sound.estimate)
    return target / estimate if min(target, estimate) > _SILENT else 1.0


def _rms(audio: Float[ndarray, " sample"]) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))


def _midi(
    sound: DiscoveredSound, curves: Mapping[str, Float[ndarray, " frame"]], *, tempo_bpm: float, fourteen_bit: bool
) -> MidiCurves:
    return curves_midi(
        curves,
        name=sound.name,
        duration_s=sound.audio.duration_s,
        f0_hz=sound.f0_hz,
        tempo_bpm=tempo_bpm,
        fourteen_bit=fourteen_bit,
    )


def _preset(sound: DiscoveredSound) -> tuple[VitalPreset | None, str]:
    """The preset for Vital, or why there is none."""
    try:
        return vital_preset(played_synth(sound), sound.name, comments=f"{sound.name}: {sound.origin}."), ""
    except DataError as error:
        return None, str(error)


def _wav(audio: Float[ndarray, " sample"], gain: float, sample_rate: int) -> bytes:
    """A wav file of 24 bits in mono."""
    data = io.BytesIO()
    soundfile.write(data, gain * np.asarray(audio, dtype=np.float64), sample_rate, format="WAV", subtype="PCM_24")
    return data.getvalue()


def _write(folder: Path, contents: Mapping[str, Callable[[], bytes]], *, overwrite: bool) -> None:
    """Write files into a folder.

    Raises:
        DataError: see `write_sound_files`.
    """
    there = [name for name in contents if (folder / name).exists() or (folder / name).is_symlink()]
    if there and not overwrite:
        raise DataError(
            f"files are not replaced unless asked for; {printable(folder)} has {listed(there)}; "
            "choose another folder or allow overwriting (--force)"
        )
    write = write_atomically if overwrite else write_new
    for name, content in contents.items():
        try:
            write(folder / name, content())
        except OSError as error:
            raise DataError(f"{printable(folder / name)} cannot be written: {reason(error)}") from error
