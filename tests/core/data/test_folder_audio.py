"""Sample rate, length and bandwidth of the sounds in a folder."""

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from core.data import folder_audio
from core.data.folder_audio import FolderAudio, measure_folder
from tests.support.sounds import noise, tone, write_sound


def measured(folder: Path) -> FolderAudio:
    found = measure_folder(folder)
    assert found is not None
    return found


def test_the_bandwidth_of_filtered_noise_is_that_of_its_filter(tmp_path: Path) -> None:
    low_pass = butter(12, 5000, output="sos", fs=44_100)
    for seed in range(3):
        sound = np.asarray(sosfilt(low_pass, noise(seed, seconds=2.0, sample_rate=44_100)))
        write_sound(tmp_path / f"{seed}.wav", sound, 44_100)
    found = measured(tmp_path)
    assert (found.n_files, found.sample_rate) == (3, 44_100)
    assert 5000 <= found.bandwidth_hz <= 5400, "the skirt of the filter is within 400 Hz"
    assert found.audible_s == pytest.approx(2.0)


def test_energy_is_compared_within_each_sound_so_that_loud_ones_do_not_decide(tmp_path: Path) -> None:
    write_sound(tmp_path / "loud.wav", tone(500.0, 44_100, level=0.9), 44_100)
    write_sound(tmp_path / "soft.wav", tone(9050.0, 44_100, level=0.01), 44_100, subtype="FLOAT")
    assert measured(tmp_path).bandwidth_hz == pytest.approx(9100, abs=100)


def test_a_constant_is_no_energy(tmp_path: Path) -> None:
    write_sound(tmp_path / "offset.wav", 0.3 + tone(3050.0, 44_100, level=0.1), 44_100)
    assert measured(tmp_path).bandwidth_hz == pytest.approx(3100, abs=100)


def test_a_sound_lasts_until_it_has_decayed_by_40_db(tmp_path: Path) -> None:
    time_s = np.arange(4 * 16_000) / 16_000
    decay = tone(220.0, seconds=4.0) * 10 ** (-20 * time_s / 20)
    write_sound(tmp_path / "decay.wav", decay, subtype="FLOAT")
    assert measured(tmp_path).audible_s == pytest.approx(2.0, abs=0.1)
    late = np.concatenate([np.zeros(16_000), tone(220.0, seconds=1.0), np.zeros(16_000)])
    write_sound(tmp_path / "decay.wav", late)
    assert measured(tmp_path).audible_s == pytest.approx(2.0, abs=0.05)


def test_long_sounds_are_measured_from_their_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_audio, "MEASURED_S", 0.5)
    write_sound(tmp_path / "long.wav", tone(seconds=3.0))
    assert measured(tmp_path).audible_s == 0.5


def test_the_most_frequent_rate_and_the_median_length_count(tmp_path: Path) -> None:
    for index, (rate, seconds) in enumerate([(44_100, 0.5), (48_000, 1.0), (44_100, 3.0)]):
        write_sound(tmp_path / f"{index}.wav", tone(220.0, rate, seconds=seconds), rate)
    assert measured(tmp_path).sample_rate == 44_100
    assert measured(tmp_path).audible_s == pytest.approx(1.0)
    (tmp_path / "0.wav").unlink()
    assert measured(tmp_path).sample_rate == 48_000, "the higher one of two"


def test_files_of_a_large_folder_are_measured_at_even_distances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_audio, "MAX_MEASURED", 2)
    for index in range(4):
        write_sound(tmp_path / f"{index}.wav", tone(seconds=0.5 * (index + 1)))
    found = measured(tmp_path)
    assert found.n_files == 4
    assert found.audible_s == pytest.approx((0.5 + 1.5) / 2)


def test_what_cannot_be_read_or_is_silent_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    write_sound(tmp_path / "silent.wav", np.full(16_000, 0.2))
    write_sound(tmp_path / "empty.wav", np.zeros(0))
    assert measure_folder(tmp_path) is None
    write_sound(tmp_path / "one.wav", tone())
    assert measured(tmp_path).audible_s == pytest.approx(0.5)
    assert measured(tmp_path).n_files == 4
