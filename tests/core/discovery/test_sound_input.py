"""Sound files of any format become one mono sound, or one line says why not."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.discovery.sound_input import load_sound
from core.sound_decoding import SoundFileError
from tests.support.hostile_sounds import ROWS, Row
from tests.support.sounds import noise, tone, write_sound


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_any_rate_and_number_of_channels_gives_the_same_tone(rate: int, channels: int, tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    write_sound(path, tone(500, rate, channels=channels, level=0.25), rate, subtype="FLOAT")
    sound = load_sound(path, sample_rate=16_000)
    assert (sound.sample_rate, len(sound.audio)) == (16_000, 8000)
    assert sound.audio.dtype == np.float32
    assert sound.duration_s == 0.5
    middle = slice(500, 7500)
    assert np.abs(sound.audio[middle] - tone(500, level=1.0)[middle]).max() < 0.01
    assert np.abs(sound.audio).max() == pytest.approx(1)
    assert sound.gain == pytest.approx(4, rel=0.01)
    assert (sound.name, sound.source, sound.remarks) == ("tone", str(path), ())


def test_a_sound_keeps_its_rate_and_level_is_undone_by_the_gain(tmp_path: Path) -> None:
    audio = noise(0, sample_rate=22_050)
    write_sound(tmp_path / "a.flac", np.stack([audio, 0.5 * audio], 1), 22_050, subtype="PCM_24")
    sound = load_sound(tmp_path / "a.flac")
    assert sound.sample_rate == 22_050
    assert np.abs(sound.audio / sound.gain - 0.75 * audio).max() < 1e-6


def test_only_the_start_is_read_if_that_is_asked_for(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", tone(seconds=2.0))
    assert load_sound(tmp_path / "a.wav", seconds=0.3).duration_s == 0.3
    assert load_sound(tmp_path / "a.wav", seconds=5.0).duration_s == 2.0


def test_a_longer_sound_than_allowed_is_refused_unless_its_start_is_enough(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", tone(seconds=2.0))
    with pytest.raises(SoundFileError, match=re.escape("too long: a sound has at most 1.5 s; this one has 2 s; cut")):
        load_sound(tmp_path / "a.wav", longest_s=1.5)
    assert load_sound(tmp_path / "a.wav", longest_s=1.5, seconds=1.0).duration_s == 1.0


def test_clipping_and_an_offset_are_remarked(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", (3 * tone()).clip(-1, 1))
    assert load_sound(tmp_path / "a.wav").remarks == ("clipped: 8 or more consecutive samples at full scale",)
    write_sound(tmp_path / "b.wav", 0.4 * tone() + 0.5)
    assert load_sound(tmp_path / "b.wav").remarks == ("offset: its mean is 0.71 of its peak",)


@pytest.mark.parametrize(
    ("audio", "settings", "message"),
    [
        (np.zeros(8000), {}, "silent: it stays below -60 dB of full scale"),
        (np.full(8000, 0.5), {}, "silent: it is constant at 0.5"),
        (tone(seconds=0.049), {}, "too short: a sound has at least 50 ms; this one has 49 ms"),
        (np.stack([tone(), -tone()], 1), {}, "silent: its 2 channels cancel each other in mono; give one of them"),
        (tone(channels=9), {}, "too many channels: a sound has 1 to 8; this one has 9; mix it down"),
        (
            tone(),
            {"samplerate": 7999},
            "odd sample rate: a sound has 8000 to 192000 Hz; this one has 7999 Hz; resample",
        ),
        (tone(), {"samplerate": 44_101}, "odd sample rate: 44101 to 16000 Hz is 16000 / 44101"),
        (tone(20_000, 48_000), {"samplerate": 48_000}, "silent: nothing of it lies below 8000 Hz"),
        (np.append(tone(), np.nan), {"subtype": "FLOAT"}, "broken: contains NaN or infinite samples"),
        (np.zeros(0), {}, "empty: holds no samples"),
    ],
)
def test_a_sound_that_cannot_be_used_is_one_line(
    audio: np.ndarray, settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    rate = settings.get("samplerate", 16_000)
    others = {name: value for name, value in settings.items() if name != "samplerate"}
    write_sound(tmp_path / "a.wav", audio, rate, **others)
    with pytest.raises(SoundFileError) as error:
        load_sound(tmp_path / "a.wav", sample_rate=16_000)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", tone())
    os.truncate(tmp_path / "a.wav", 9000)
    with pytest.raises(SoundFileError, match="truncated: its header announces 16000 bytes of samples, and 8956 are"):
        load_sound(tmp_path / "a.wav")


@pytest.mark.faults
@pytest.mark.parametrize("row", ROWS, ids=lambda row: ascii(row.name)[:40])
def test_hostile_files_are_sounds_or_one_line(row: Row, tmp_path: Path) -> None:
    path = tmp_path / row.name
    write_sound(tmp_path / "p48_48-100.wav", tone())
    row.write(path)
    try:
        sound = load_sound(path, sample_rate=16_000)
    except SoundFileError as error:
        message = str(error)
    else:
        message = "used: yes"
        assert np.isfinite(sound.audio).all()
        assert np.abs(sound.audio).max() == pytest.approx(1)
    assert re.fullmatch(r"[a-z -]+: [^\n]+", message)
    assert tmp_path.as_posix() not in message
