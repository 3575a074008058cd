"""Presets of Vital, played by Vital and compared with the sound of the synth that they are made from."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import Float
from numpy import ndarray

pytest.importorskip("vita")

from core.data.renderers.vital_json import require_vita
from core.errors import DataError
from core.exchange.vital_preset import PlayedSynth, render_vital_preset, vital_preset
from core.exchange.wavetables import wavetable_wav
from core.metrics.audio import mss_distance
from core.settings.audio import AudioConfig
from core.settings.filters import FilterResponse, RbjFilterConfig
from core.settings.oscillators import FrozenWavetableConfig, LearnableWavetableConfig
from core.settings.synths import ModSynthConfig, SubtractiveConfig, SynthConfig
from core.wavetables import load_wavetable
from tests.support.played_sounds import AUDIO, SAW_SYNTH, moving_curves, play

pytestmark = pytest.mark.real

FINE = AudioConfig(sample_rate=48_000, duration_s=0.5, hop_length=375)
SAW = load_wavetable("saw_to_square").numpy()
Audio = Float[ndarray, " sample"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A synth and what it plays."""

    synth: SynthConfig = SAW_SYNTH
    f0_hz: float = 220.0
    resonance: float = 0.0
    wavetable: Float[ndarray, "position sample"] | None = field(default_factory=lambda: SAW)

    def sounds(self, *, audio: AudioConfig = AUDIO, with_lfos: bool = True) -> tuple[Audio, Audio]:
        """The sound of the synth, and that of its preset."""
        curves = moving_curves(self.synth, audio)
        is_learned = isinstance(self.synth, ModSynthConfig) and self.synth.oscillator.is_learned
        sound = play(
            self.synth,
            curves,
            f0_hz=self.f0_hz,
            resonance=self.resonance,
            audio=audio,
            wavetable=self.wavetable if is_learned else None,
        )
        played = PlayedSynth(
            synth=self.synth,
            audio=audio,
            curves=curves,
            wavetable=self.wavetable,
            f0_hz=self.f0_hz,
            resonance=self.resonance,
            peak=float(np.abs(sound).max()),
        )
        preset = vital_preset(played, "pad", with_lfos=with_lfos)
        rendered = render_vital_preset(
            preset.text, preset.note, sample_rate=audio.sample_rate, duration_s=audio.duration_s
        )
        return sound, rendered


def mss(sound: Audio, rendered: Audio, sample_rate: int) -> float:
    target, estimate = (torch.from_numpy(each[None]).float() for each in (sound, rendered))
    return float(mss_distance(target, estimate, sample_rate)[0])


CASES = {
    "low-pass": Case(),
    "off the note": Case(f0_hz=133.3),
    "resonant": Case(resonance=0.7),
    "very resonant": Case(resonance=1.0, synth=replace(SAW_SYNTH, filter=RbjFilterConfig(max_q=12.0))),
    "high-pass": Case(synth=replace(SAW_SYNTH, filter=RbjFilterConfig(response="high_pass")), resonance=0.5),
    "band-pass": Case(synth=replace(SAW_SYNTH, filter=RbjFilterConfig(response="band_pass")), resonance=0.5),
    "notch": Case(synth=replace(SAW_SYNTH, filter=RbjFilterConfig(response="notch")), resonance=0.5),
    "other table": Case(
        synth=ModSynthConfig(oscillator=FrozenWavetableConfig(wavetable="pulse_width")),
        wavetable=load_wavetable("pulse_width").numpy(),
    ),
    "learned table": Case(synth=ModSynthConfig(oscillator=LearnableWavetableConfig()), wavetable=1.7 * SAW[::4] + 0.05),
    "subtractive": Case(synth=SubtractiveConfig(), wavetable=None, resonance=0.3),
    "slight vibrato": Case(synth=replace(SAW_SYNTH, vibrato_semitones=0.5)),
    "wide vibrato": Case(synth=replace(SAW_SYNTH, vibrato_semitones=5.0)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("audio", [AUDIO, replace(FINE, duration_s=1.0)], ids=["16 kHz", "48 kHz"])
def test_preset_sounds_like_the_synth_and_not_without_its_lfos(case: Case, audio: AudioConfig) -> None:
    sound, rendered = case.sounds(audio=audio)
    distance = mss(sound, rendered, audio.sample_rate)
    _, still = case.sounds(audio=audio, with_lfos=False)
    without_lfos = mss(sound, still, audio.sample_rate)
    # The synth limits the band of its table to the highest pitch of a vibrato, Vital to the pitch of the moment.
    assert distance < (0.5 if case.synth.vibrato_semitones < 1 else 0.8)
    assert distance < 0.3 * without_lfos
    assert np.sqrt((rendered**2).mean()) == pytest.approx(np.sqrt((sound**2).mean()), rel=0.05)


@pytest.mark.parametrize("response", ["low_pass", "high_pass", "band_pass", "notch"])
@pytest.mark.parametrize("q", [0.5, 0.7071, 1.5, 4.0, 15.0])
@pytest.mark.parametrize("cutoff", [0.3, 0.7])
def test_filter_is_that_of_the_cookbook(response: FilterResponse, q: float, cutoff: float) -> None:
    synth = replace(SAW_SYNTH, filter=RbjFilterConfig(response=response, min_q=q, max_q=1.001 * q))
    curves = {name: np.full(FINE.n_frames, value) for name, value in {"add": 0.0, "sub": cutoff, "env": 0.2}.items()}
    sound = play(synth, curves, f0_hz=50.0, audio=FINE)
    peak = float(np.abs(sound).max())
    played = PlayedSynth(synth=synth, audio=FINE, curves=curves, wavetable=SAW, f0_hz=50.0, resonance=0.0, peak=peak)
    preset = vital_preset(played, "pad")
    rendered = render_vital_preset(preset.text, preset.note, sample_rate=48_000, duration_s=0.5)
    levels, expected = (harmonics(each, 50.0) for each in (rendered, sound))
    is_heard = expected > 1e-3 * expected.max()
    error_db = 20 * np.log10(levels / expected)[is_heard]
    # A linear read of the synth's table loses 0.6 dB at 10 kHz.
    assert np.abs(error_db).max() < 0.7
    assert abs(error_db.mean()) < 0.25


def harmonics(audio: Audio, f0_hz: float) -> Float[ndarray, " harmonic"]:
    """Magnitudes of the first 200 harmonics after 0.1 s."""
    steady = audio[4800:]
    spectrum = np.abs(np.fft.rfft(steady * np.hanning(len(steady))))
    bins = np.round(np.arange(1, 200) * f0_hz * len(steady) / 48_000).astype(int)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(np.pad(spectrum, 2), 5)[bins].max(axis=1))


@pytest.mark.parametrize("peak", [0.05, 1.0, 1.3])
def test_loud_sounds_are_not_saturated(peak: float) -> None:
    case = Case(synth=ModSynthConfig(oscillator=LearnableWavetableConfig()), wavetable=SAW[::4])
    sound, _ = case.sounds()
    scaled = replace(case, wavetable=SAW[::4] * peak / float(np.abs(sound).max()))
    sound, rendered = scaled.sounds()
    assert np.abs(sound).max() == pytest.approx(peak, rel=1e-3)
    assert mss(sound, rendered, AUDIO.sample_rate) < 0.5
    assert np.sqrt((rendered**2).mean()) == pytest.approx(np.sqrt((sound**2).mean()), rel=0.03)


def test_phase_of_the_oscillator_is_that_of_the_synth() -> None:
    curves = moving_curves(SAW_SYNTH)
    for phase in (0.0, 0.3):
        sound = play(SAW_SYNTH, curves, phase=phase)
        peak = float(np.abs(sound).max())
        played = PlayedSynth(
            synth=SAW_SYNTH,
            audio=AUDIO,
            curves=curves,
            wavetable=SAW,
            f0_hz=220.0,
            resonance=0.0,
            peak=peak,
            phase=phase,
        )
        preset = vital_preset(played, "pad")
        rendered = render_vital_preset(preset.text, preset.note, sample_rate=16_000, duration_s=1.0)
        assert np.corrcoef(sound, rendered)[0, 1] > 0.97


def test_vital_takes_every_control_as_it_is_and_the_others_have_their_defaults() -> None:
    played = PlayedSynth(
        synth=replace(SAW_SYNTH, vibrato_semitones=0.5),
        audio=AUDIO,
        curves=moving_curves(replace(SAW_SYNTH, vibrato_semitones=0.5)),
        wavetable=SAW,
        f0_hz=220.0,
        resonance=0.5,
        peak=0.5,
    )
    text = vital_preset(played, "pad").text
    given: dict[str, Any] = json.loads(text)["settings"]
    synth = require_vita().Synth()
    initial = json.loads(synth.to_json())["settings"]
    assert synth.load_json(text)
    loaded = json.loads(synth.to_json())["settings"]
    lists = ("wavetables", "lfos", "modulations", "sample")
    numbers = {name: value for name, value in given.items() if name not in lists}
    assert not numbers.keys() - initial.keys()
    for name, value in numbers.items():
        assert loaded[name] == pytest.approx(value, rel=1e-5, abs=1e-6), name
    # Vital starts with a patch of its own, in which some controls differ from their defaults.
    assert [
        name for name, value in loaded.items() if name not in lists and name not in numbers and value != initial[name]
    ] == []
    assert loaded["modulations"][:4] == given["modulations"][:4]
    for index in range(4):
        np.testing.assert_allclose(loaded["lfos"][index]["points"], given["lfos"][index]["points"], atol=1e-6)
        np.testing.assert_allclose(loaded["lfos"][index]["powers"], given["lfos"][index]["powers"], atol=1e-5)


def test_a_wavetable_file_sounds_in_vital_as_its_table_does(tmp_path: Path) -> None:
    path = tmp_path / "wavetable.wav"
    path.write_bytes(wavetable_wav(SAW))
    case = Case(wavetable=load_wavetable(str(path)).numpy())
    sound, rendered = case.sounds()
    assert mss(sound, rendered, AUDIO.sample_rate) < 0.5


def test_vital_refuses_what_is_no_preset() -> None:
    with pytest.raises(DataError, match="Vital refused the preset"):
        render_vital_preset("{}", 60, sample_rate=48_000, duration_s=0.1)


def test_rendering_leaves_the_arithmetic_of_its_process_as_it_is() -> None:
    Case().sounds()
    smallest = np.nextafter(0.0, 1.0)
    assert 2.0 * smallest / 2.0 == smallest > 0
