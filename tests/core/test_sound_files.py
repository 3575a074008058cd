"""Sound files: search in folders, conversion to clips, and ids of clips."""

from pathlib import Path

import numpy as np
import torch

from core.sound_decoding import read_mono
from core.sound_files import clip_ids, find_sounds, fit_clip
from tests.support.sounds import tone, write_sound


def test_sounds_are_found_by_name_in_subfolders_and_hidden_ones_are_left_out(tmp_path: Path) -> None:
    for name in ("b.wav", "a/c.FLAC", "a/.hidden.wav", ".folder/d.wav"):
        write_sound(tmp_path / name, tone(), format="WAV")
    (tmp_path / "notes.txt").write_text("no sound")
    (tmp_path / "folder.wav").mkdir()
    assert [path.relative_to(tmp_path).as_posix() for path in find_sounds(tmp_path)] == [
        "a/c.FLAC",
        "b.wav",
        "folder.wav",
    ]


def test_channels_are_averaged_from_the_start(tmp_path: Path) -> None:
    left, right = tone(220.0, seconds=1.0), tone(330.0, seconds=1.0)
    write_sound(tmp_path / "stereo.wav", np.stack([left, right], axis=1), subtype="FLOAT")
    whole, sample_rate = read_mono(tmp_path / "stereo.wav")
    assert sample_rate == 16_000
    np.testing.assert_allclose(whole, (left + right) / 2, atol=1e-7)
    begin, _ = read_mono(tmp_path / "stereo.wav", 0.25)
    np.testing.assert_array_equal(begin, whole[:4000])


def test_clips_are_cut_padded_and_resampled() -> None:
    sound = tone(seconds=0.5)
    expected = torch.from_numpy(sound).float()
    torch.testing.assert_close(fit_clip(sound, 16_000, to_sample_rate=16_000, n_samples=5000), expected[:5000])
    padded = fit_clip(sound, 16_000, to_sample_rate=16_000, n_samples=9000)
    torch.testing.assert_close(padded[:8000], expected)
    assert float(padded[8000:].abs().max()) == 0
    resampled = fit_clip(tone(sample_rate=48_000), 48_000, to_sample_rate=16_000, n_samples=8000)
    torch.testing.assert_close(resampled[100:7900], expected[100:7900], atol=5e-3, rtol=0)


def test_ids_are_safe_names_of_files_that_differ_in_any_case() -> None:
    ids = clip_ids(["a/x C4.wav", "a_x C4.wav", "A_X C4.wav", "Ä ü:?.wav", "???.wav", f"{'long' * 40}.wav"])
    assert ids[:3] == ("a_x_C4", "a_x_C4-2", "A_X_C4-3")
    assert ids[3:5] == ("clip", "clip-2")
    assert ids[5] == "long" * 20
