"""All files of a discovered sound, read back by what they are for."""

import io
import json
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from core.data.vital_lfos import read_vital_lfo
from core.discovery.files import physical_controls, safe_name, write_sound_files
from core.errors import ConfigError, DataError
from core.settings.filters import LearnedFilterConfig
from core.settings.synths import EngelConfig, SubtractiveConfig
from core.wavetables import load_wavetable
from tests.support.played_sounds import AUDIO, SAW_SYNTH, discovered_sound, with_curve

NAMES = [
    "target.wav",
    "estimate.wav",
    *(f"{role}-{name}.wav" for name in ("add", "sub", "env") for role in ("solo", "muted")),
    "curves.csv",
    "curves.npz",
    "curves.arrow",
    "curves.mid",
    *(f"{name}.vitallfo" for name in ("add", "sub", "env")),
    "wavetable.wav",
    "pad.vital",
]


def test_all_files_are_written_and_read_back(tmp_path: Path) -> None:
    sound = discovered_sound()
    exported = write_sound_files(sound, tmp_path / "new" / "pad", tempo_bpm=120.0)
    assert list(exported.names) == NAMES
    assert sorted(path.name for path in exported.folder.iterdir()) == sorted(NAMES)
    assert exported.no_preset_because == ""
    assert exported.preset is not None
    assert json.loads((exported.folder / "pad.vital").read_text())["preset_name"] == "pad"
    for curve in sound.curves:
        name = curve.modulation.name
        shape = read_vital_lfo(exported.folder / f"{name}.vitallfo")
        errors = np.abs(shape.at(np.linspace(0, 1, len(curve.values))) - curve.values)
        assert errors.max() == pytest.approx(exported.shape_errors[name], abs=1e-9)
        assert errors.max() <= 0.02
    assert sound.wavetable is not None
    read = load_wavetable(str(exported.folder / "wavetable.wav")).numpy()
    assert read.shape == (len(sound.wavetable), 2048)
    midi = mido.MidiFile(file=io.BytesIO((exported.folder / "curves.mid").read_bytes()))
    assert midi.length == pytest.approx(AUDIO.duration_s, abs=1e-3)
    assert exported.controllers == {"add": 1, "sub": 74, "env": 11}


def test_sounds_have_their_rate_and_common_level_and_are_not_clipped(tmp_path: Path) -> None:
    sound = discovered_sound()
    loud = replace(sound, estimate=3 * sound.estimate / np.abs(sound.estimate).max())
    exported = write_sound_files(loud, tmp_path, tempo_bpm=120.0)
    assert exported.gain == pytest.approx(1 / 3)
    for name, audio in (("target", loud.target), ("estimate", loud.estimate), ("solo-sub", loud.curves[1].solo)):
        read, rate = soundfile.read(tmp_path / f"{name}.wav")
        assert rate == AUDIO.sample_rate
        np.testing.assert_allclose(read, audio / 3, atol=2**-22)
    assert soundfile.info(tmp_path / "target.wav").subtype == "PCM_24"


def test_quiet_sounds_are_not_made_louder_and_the_level_of_the_estimate_is_recorded(tmp_path: Path) -> None:
    sound = discovered_sound()
    quiet = replace(sound, target=0.1 * sound.target, estimate=0.1 * sound.estimate)
    exported = write_sound_files(quiet, tmp_path, tempo_bpm=120.0)
    assert exported.gain == 1.0
    assert exported.match_gain == pytest.approx(0.5)


def test_a_silent_estimate_has_no_level_to_match(tmp_path: Path) -> None:
    sound = discovered_sound()
    silent = replace(sound, estimate=np.zeros_like(sound.estimate))
    assert write_sound_files(silent, tmp_path, tempo_bpm=120.0).match_gain == 1.0


def test_nothing_is_replaced_unless_asked_for(tmp_path: Path) -> None:
    (tmp_path / "curves.mid").write_bytes(b"a song")
    with pytest.raises(DataError, match="not replaced unless asked for.*has curves.mid;"):
        write_sound_files(discovered_sound(), tmp_path, tempo_bpm=120.0)
    assert [path.name for path in tmp_path.iterdir()] == ["curves.mid"]
    assert (tmp_path / "curves.mid").read_bytes() == b"a song"
    write_sound_files(discovered_sound(), tmp_path, tempo_bpm=120.0, overwrite=True)
    assert (tmp_path / "curves.mid").read_bytes()[:4] == b"MThd"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)


def test_a_broken_link_is_there_too(tmp_path: Path) -> None:
    (tmp_path / "target.wav").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"has target\.wav"):
        write_sound_files(discovered_sound(), tmp_path, tempo_bpm=120.0)


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "pad").write_bytes(b"")
    with pytest.raises(DataError, match=r"target\.wav cannot be written"):
        write_sound_files(discovered_sound(), tmp_path / "pad", tempo_bpm=120.0)


@pytest.mark.parametrize("synth", [EngelConfig(), replace(SAW_SYNTH, filter=LearnedFilterConfig())])
def test_without_a_preset_the_reason_is_given(synth: EngelConfig, tmp_path: Path) -> None:
    sound = replace(discovered_sound(), synth=synth)
    exported = write_sound_files(sound, tmp_path, tempo_bpm=120.0)
    assert "Vital can play" in exported.no_preset_because
    assert exported.preset is None
    assert not (tmp_path / "pad.vital").exists()


def test_subtractive_has_a_preset_and_no_wavetable(tmp_path: Path) -> None:
    exported = write_sound_files(discovered_sound(SubtractiveConfig()), tmp_path, tempo_bpm=120.0)
    assert "pad.vital" in exported.names
    assert "wavetable.wav" not in exported.names


def test_fourteen_bits_reach_the_midi_file(tmp_path: Path) -> None:
    exported = write_sound_files(discovered_sound(), tmp_path, tempo_bpm=90.0, midi_14_bit=True)
    assert exported.controllers["sub"] == 16
    track = mido.MidiFile(tmp_path / "curves.mid").tracks[3]
    assert {message.control for message in track if message.type == "control_change"} == {16, 48}


def test_values_that_are_not_finite_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    sound = discovered_sound()
    broken = sound.curves[1].values.copy()
    broken[3] = np.nan
    with pytest.raises(DataError, match="sub has 1 that are not"):
        write_sound_files(with_curve(sound, "sub", broken), tmp_path / "a", tempo_bpm=120.0)
    silent_start = sound.estimate.copy()
    silent_start[:2] = np.inf
    with pytest.raises(DataError, match="estimate has 2 of 16000 that are not"):
        write_sound_files(replace(sound, estimate=silent_start), tmp_path / "a", tempo_bpm=120.0)
    with pytest.raises(ConfigError, match="beats per minute"):
        write_sound_files(sound, tmp_path / "a", tempo_bpm=0.0)
    assert not (tmp_path / "a").exists()


def test_physical_controls_are_those_that_the_synth_has() -> None:
    sound = discovered_sound(replace(SAW_SYNTH, vibrato_semitones=0.5))
    controls = physical_controls(sound)
    sub, vibrato = sound.curves[1].values, sound.curves[3].values
    np.testing.assert_allclose(controls["cutoff_hz"], 100 * 72.0**sub)
    np.testing.assert_allclose(controls["pitch_hz"], 220 * 2 ** (0.5 / 12 * (2 * vibrato - 1)))
    assert physical_controls(replace(sound, synth=EngelConfig())) == {}


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("pad", "pad"),
        ("Fläche 1/2", "Fläche_1_2"),
        ("../../etc/passwd", "_.._etc_passwd"),
        (".hidden", "hidden"),
        ("...", "sound"),
        ("", "sound"),
        ("ü" * 200, "ü" * 60),
    ],
)
def test_names_of_sounds_are_safe_file_names(name: str, safe: str) -> None:
    assert safe_name(name) == safe
