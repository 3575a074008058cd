"""Folders of recorded notes: usable files, their pitches, and the resulting clips."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.clips import Clips, Dataset
from core.data.sources.audio_folder import AudioFolder, FolderScan
from core.errors import ConfigError, DataError
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig
from tests.support.sounds import noise, tone, write_named_notes, write_sound

AUDIO = AudioConfig()
pytestmark = pytest.mark.usefixtures("own_cache")


def source(folder: Path, **settings: Any) -> AudioFolder:
    return AudioFolder(AudioFolderConfig(folder=str(folder), **{"min_files": 3, **settings}), AUDIO)


def scan(folder: Path, **settings: Any) -> FolderScan:
    return source(folder, **settings).scan()


def splits_of(dataset: Dataset) -> tuple[Clips, Clips, Clips]:
    return dataset.train, dataset.validation, dataset.test


def test_files_of_any_rate_format_and_channel_count_are_used(tmp_path: Path) -> None:
    write_sound(tmp_path / "a C4.wav", tone(261.6, 8000), 8000, subtype="PCM_U8")
    write_sound(tmp_path / "b D4.flac", tone(293.7, 96_000, channels=2), 96_000)
    write_sound(tmp_path / "deep" / "c E4.ogg", tone(329.6, 44_100), 44_100)
    write_sound(tmp_path / "d F4.AIFF", tone(349.2, 22_050, channels=6), 22_050, format="AIFF")
    write_sound(tmp_path / "e G4.wav", tone(392.0, 48_000, seconds=3.0), 48_000, subtype="FLOAT")
    (tmp_path / "notes.txt").write_text("no sound")
    write_sound(tmp_path / "._e C4.wav", tone())
    found = scan(tmp_path)
    assert [file.file for file in found.files] == ["a C4.wav", "b D4.flac", "d F4.AIFF", "deep/c E4.ogg", "e G4.wav"]
    assert found.issues == ()
    assert found.summary["pitch_source"] == {"file name": 5}
    splits = splits_of(source(tmp_path).load())
    assert sum(map(len, splits)) == 5
    for clips in splits:
        for clip, f0_hz in zip(clips.audio, clips.f0_hz, strict=True):
            assert clip.shape == (16_000,)
            # One spectral peak at the frequency of the tone, at any sample rate of the file.
            peak_hz = int(torch.fft.rfft(clip[:8000] * torch.hann_window(8000)).abs().argmax()) * 2
            assert abs(peak_hz - float(f0_hz)) < 3
        torch.testing.assert_close(clips.audio.abs().amax(dim=1), torch.full((len(clips),), 0.9))


def test_short_sounds_are_padded_and_long_ones_cut(tmp_path: Path) -> None:
    for name, f0_hz, seconds in (("a C4", 200, 0.25), ("b C4", 300, 1.0), ("c C4", 400, 2.0)):
        write_sound(tmp_path / f"{name}.wav", tone(f0_hz, seconds=seconds, level=0.1 + 0.1 * seconds), subtype="FLOAT")
    clips = {clips.ids[0]: clips.audio[0] for clips in splits_of(source(tmp_path).load())}
    expected = [torch.from_numpy(tone(f0_hz, seconds=1.0)).float() * 1.8 for f0_hz in (200, 300, 400)]
    torch.testing.assert_close(clips["b_C4"], expected[1], atol=1e-4, rtol=0)
    torch.testing.assert_close(clips["c_C4"], expected[2], atol=1e-4, rtol=0)
    torch.testing.assert_close(clips["a_C4"][:4000], expected[0][:4000], atol=1e-4, rtol=0)
    assert float(clips["a_C4"][4000:].abs().max()) == 0


def test_channels_are_averaged(tmp_path: Path) -> None:
    write_named_notes(tmp_path)
    left = tone()
    write_sound(tmp_path / "both C4.wav", np.stack([left, np.zeros_like(left)], axis=1), subtype="FLOAT")
    write_sound(tmp_path / "against C4.wav", np.stack([left, -left], axis=1), subtype="FLOAT")
    found = scan(tmp_path)
    assert "both C4.wav" in {file.file for file in found.files}
    assert [issue.source for issue in found.issues] == ["against C4.wav"]
    assert found.issues[0].problem.startswith("silent")


def test_pitch_comes_from_metadata_then_the_name_then_the_tracker(tmp_path: Path) -> None:
    write_sound(tmp_path / "bass_48-100.wav", tone(100.0, level=0.3))
    write_sound(tmp_path / "lead Bb2.wav", tone(100.0, level=0.4))
    write_sound(tmp_path / "mystery.wav", tone(330.0))
    write_sound(tmp_path / "wrong C4.wav", tone(100.0, level=0.6))
    write_sound(tmp_path / "listed.wav", noise(0))
    (tmp_path / "metadata.csv").write_text("file,f0_hz,note,group\nwrong C4.wav,123.5,,\n./listed.wav,,A3,noises\n")
    files = scan(tmp_path).files
    sources = {file.file: file.pitch_source for file in files}
    f0_hz = {file.file: file.f0_hz for file in files}
    assert sources == {
        "bass_48-100.wav": "file name",
        "lead Bb2.wav": "file name",
        "listed.wav": "metadata",
        "mystery.wav": "tracked",
        "wrong C4.wav": "metadata",
    }
    assert f0_hz["bass_48-100.wav"] == pytest.approx(130.81, abs=0.01)
    assert f0_hz["lead Bb2.wav"] == pytest.approx(116.54, abs=0.01)
    assert f0_hz["mystery.wav"] == pytest.approx(330.0, rel=3e-3)
    assert f0_hz["wrong C4.wav"] == 123.5
    assert f0_hz["listed.wav"] == pytest.approx(220.0)
    assert scan(tmp_path).summary["pitch_source"] == {"file name": 2, "metadata": 2, "tracked": 1}


def test_declared_lfo_rates_come_with_the_clips(tmp_path: Path) -> None:
    write_named_notes(tmp_path)
    plain = scan(tmp_path)
    assert source(tmp_path).load().test.lfo_hz is None
    names = [file.file for file in plain.files]
    (tmp_path / "metadata.csv").write_text(f"file,lfo_hz\n{names[0]},5.5\n{names[1]},\n")
    found = scan(tmp_path)
    assert [file.lfo_hz for file in found.files] == [5.5, *([None] * (len(names) - 1))]
    assert [file.f0_hz for file in found.files] == [file.f0_hz for file in plain.files]
    assert found.sha256 != plain.sha256, "other rates give other metrics"
    assert found.summary["n_lfo_rates"] == 1
    rates = {
        clip_id: float(rate)
        for clips in splits_of(source(tmp_path).load())
        if clips.lfo_hz is not None
        for clip_id, rate in zip(clips.ids, clips.lfo_hz, strict=True)
    }
    assert len(rates) == len(names)
    assert [rate for rate in rates.values() if rate == rate] == [5.5]


def test_unusable_files_are_skipped_with_the_reason(tmp_path: Path) -> None:
    write_named_notes(tmp_path)
    write_sound(tmp_path / "quiet C4.wav", tone(level=1e-4), subtype="FLOAT")
    write_sound(tmp_path / "late C4.wav", np.concatenate([np.zeros(16_000), tone()]))
    write_sound(tmp_path / "nan C4.wav", np.full(100, np.nan), subtype="FLOAT")
    write_sound(tmp_path / "empty C4.wav", np.zeros(0))
    (tmp_path / "text C4.wav").write_bytes(b"RIFF but not really")
    write_sound(tmp_path / "hiss.wav", noise(1))
    write_sound(tmp_path / "low.wav", tone(), 16_000)
    (tmp_path / "zcopy.wav").write_bytes((tmp_path / "p48_48-100.wav").read_bytes())
    (tmp_path / "metadata.csv").write_text("file,f0_hz\nlow.wav,9000\nabsent.wav,100\n")
    found = scan(tmp_path)
    assert len(found.files) == 4
    assert all(issue.skipped for issue in found.issues)
    reasons = {issue.source: issue.problem for issue in found.issues}
    assert reasons["quiet C4.wav"].startswith("silent")
    assert reasons["late C4.wav"] == "silent: its first 1 s stay below -60 dB of full scale"
    assert reasons["nan C4.wav"].startswith("broken")
    assert reasons["empty C4.wav"].startswith("empty")
    assert reasons["text C4.wav"].startswith("unreadable")
    assert reasons["hiss.wav"].startswith("no pitch")
    assert reasons["low.wav"] == "pitch 9000 Hz is not below half of the sample rate"
    assert reasons["zcopy.wav"] == "the same file as p48_48-100.wav"
    assert reasons["absent.wav"].startswith("listed in metadata.csv")
    assert found.summary["n_skipped"] == 8


def test_unpitched_files_can_be_given_a_pitch(tmp_path: Path) -> None:
    for number in range(4):
        write_sound(tmp_path / f"hiss{number}.wav", noise(number))
    with pytest.raises(DataError, match=r"has 0 of 4 \(4 no pitch\); .*data.unpitched=assume"):
        scan(tmp_path)
    found = scan(tmp_path, unpitched="assume", assumed_f0_hz=55.0)
    assert {(file.pitch_source, file.f0_hz) for file in found.files} == {("assumed", 55.0)}


def test_folder_must_be_named_and_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.folder must name the folder"):
        AudioFolder(AudioFolderConfig(), AUDIO)
    with pytest.raises(DataError, match="there is none at"):
        source(tmp_path / "nowhere")
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DataError, match="there is none at"):
        source(tmp_path / "file")


def test_folder_without_enough_sound_is_refused_with_the_counts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has none"):
        scan(tmp_path)
    for number in range(3):
        write_sound(tmp_path / f"{number} C4.wav", np.zeros(1000 + number))
    with pytest.raises(DataError, match=r"data\.min_files .*3 usable sounds; .* has 0 of 3 \(3 silent\)"):
        scan(tmp_path)
    write_named_notes(tmp_path)
    with pytest.raises(DataError, match=r"data\.min_files .*5 usable sounds; .* has 4 of 7 \(3 silent\)"):
        scan(tmp_path, min_files=5)


def test_no_patch_is_in_two_splits(tmp_path: Path) -> None:
    for patch in range(6):
        for note in (48, 55, 60):
            write_sound(tmp_path / f"patch{patch}_{note}-100.wav", tone(100 + 50 * patch + note))
    groups = {file.file: file.group for file in scan(tmp_path, seed=4).files}
    assert Counter(groups.values()) == {f"patch{patch}": 3 for patch in range(6)}
    dataset = source(tmp_path, seed=4).load()
    sides = [{clip_id.split("_")[0] for clip_id in clips.ids} for clips in splits_of(dataset)]
    assert [len(side) for side in sides] == [4, 1, 1]
    assert len(set.union(*sides)) == 6


def test_patches_and_copies_of_sounds_stay_together_and_data_files_say_why(tmp_path: Path) -> None:
    for patch, lowest_hz in (("pad", 100), ("lead", 150), ("bass", 230)):
        for step, note in enumerate(("C2", "D2", "E2")):
            write_sound(tmp_path / f"{patch} {note}.wav", tone(lowest_hz * 1.12**step))
    write_sound(tmp_path / "zz C2 quiet.ogg", 0.1 * tone(100, 44_100), 44_100)
    found = scan(tmp_path)
    files = {file.file: file for file in found.data_files}
    assert {file.file: file.group for file in found.files} == {name: files[name].group for name in files}
    assert [files[f"pad {note}.wav"].group for note in ("C2", "D2", "E2")] == ["pad"] * 3
    copy = files["zz C2 quiet.ogg"]
    assert (copy.group, copy.grouped_by, copy.same_sound_as) == ("pad", ("same sound",), "pad C2.wav")
    assert files["pad C2.wav"].grouped_by == ("name", "same sound")
    assert files["lead C2.wav"].grouped_by == ("name",)
    assert len({files[f"pad {note}.wav"].split for note in ("C2", "D2", "E2")} | {copy.split}) == 1
    assert {file.split for file in files.values()} == {"train", "validation", "test"}
    assert any("copies of other files" in note for note in found.notes)


def test_byte_copy_does_not_displace_the_original(tmp_path: Path) -> None:
    write_named_notes(tmp_path)
    write_sound(tmp_path / "pad C2.wav", tone(65.4))
    write_sound(tmp_path / "pad D2.wav", tone(73.4))
    (tmp_path / "a copy.wav").write_bytes((tmp_path / "pad C2.wav").read_bytes())
    found = scan(tmp_path)
    files = {file.file: file for file in found.files}
    assert files["pad C2.wav"].group == files["pad D2.wav"].group
    assert [(issue.source, issue.problem) for issue in found.issues] == [("a copy.wav", "the same file as pad C2.wav")]
    (row,) = (file for file in found.data_files if file.file == "a copy.wav")
    assert (row.split, row.clip_starts_s, row.remark) == ("", (), "the same file as pad C2.wav")


def test_notes_of_one_patch_are_split_by_file_with_a_note(tmp_path: Path) -> None:
    for step, note in enumerate(("C2", "D2", "E2", "F2")):
        write_sound(tmp_path / f"pad {note}.wav", tone(65.4 * 1.12**step))
    found = scan(tmp_path)
    assert len({file.group for file in found.files}) == 4
    assert any("fewer than 3 patches" in note for note in found.notes)


def test_long_recordings_give_several_clips_in_one_group(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(3):
        write_sound(tmp_path / f"sea{number}.wav", 0.1 * rng.standard_normal(8 * 8000).clip(-3, 3), 8000)
    pause = np.concatenate(
        [np.zeros(8000), 0.1 * rng.standard_normal(8000).clip(-3, 3), np.zeros(8000), tone(300, 8000)]
    )
    write_sound(tmp_path / "late.wav", pause, 8000)
    first = scan(tmp_path, unpitched="assume")
    assert len(first.files) == 3, "the start of one is silent"
    assert any("data.clips_per_file" in note for note in first.notes)
    several = source(tmp_path, unpitched="assume", clips_per_file=3)
    found = several.scan()
    assert {file.file: file.clip_starts_s for file in found.files} == {
        "late.wav": (1.0, 3.0),
        **{f"sea{number}.wav": (0.0, 2.0, 5.0) for number in range(3)},
    }
    assert found.summary["n_clips"] == sum(found.n_clips) == 11
    assert found.sha256 != first.sha256
    splits = splits_of(several.load())
    assert tuple(map(len, splits)) == found.n_clips
    owners = [{clip_id.rpartition("_")[0] for clip_id in clips.ids} for clips in splits]
    assert sum(map(len, owners)) == len(set.union(*owners)) == 4
    clips = {clip_id: clip for split in splits for clip_id, clip in zip(split.ids, split.audio, strict=True)}
    tail = clips["late_3s"]
    assert float(tail[8000:].abs().max()) == 0
    assert int(torch.fft.rfft(tail[:8000]).abs().argmax()) * 2 == 300


def test_user_is_told_when_most_pitches_were_tracked_or_assumed(tmp_path: Path) -> None:
    for number in range(4):
        write_sound(tmp_path / f"sound{number}.wav", tone(200 + 37 * number))
    assert [note.partition(",")[0] for note in scan(tmp_path).notes] == ["4 of 4 pitches were tracked"]
    write_sound(tmp_path / "hiss.wav", noise(0))
    assert "sounds without a stable pitch, taken at 110 Hz: 1 of 5" in scan(tmp_path, unpitched="assume").notes[1]


def test_groups_of_the_metadata_replace_those_of_names_and_two_are_too_few(tmp_path: Path) -> None:
    write_named_notes(tmp_path)
    (tmp_path / "metadata.csv").write_text(
        "file,group\n"
        + "".join(f"p{note}_{note}-100.wav,{'one' if note < 52 else 'two'}\n" for note in (48, 50, 52, 54))
    )
    with pytest.raises(DataError, match="at least 3 are needed; got 2"):
        scan(tmp_path)


def test_hash_follows_contents_names_and_pitches_and_not_the_place(tmp_path: Path) -> None:
    write_named_notes(tmp_path / "one")
    write_named_notes(tmp_path / "two")
    one, two = (scan(tmp_path / name).sha256 for name in ("one", "two"))
    assert one == two
    assert scan(tmp_path / "two", seed=9).sha256 == one
    (tmp_path / "two" / "metadata.csv").write_text("file,f0_hz\np48_48-100.wav,99\n")
    assert scan(tmp_path / "two").sha256 != one
    (tmp_path / "two" / "metadata.csv").unlink()
    write_sound(tmp_path / "two" / "p48_48-100.wav", tone(level=0.77))
    assert scan(tmp_path / "two").sha256 != one


def test_folder_that_changed_since_planning_is_refused(tmp_path: Path) -> None:
    write_named_notes(tmp_path)
    assert len(source(tmp_path, manifest_sha256=scan(tmp_path).sha256).load().train) == 2
    with pytest.raises(DataError, match="changed since the trial was planned"):
        source(tmp_path, manifest_sha256="0" * 64).load()


def test_clip_ids_are_safe_for_files_and_unique(tmp_path: Path) -> None:
    for number, name in enumerate(["a/x C4", "a_x C4", "Ä ü:? C4", "A_X C4"]):
        write_sound(tmp_path / f"{name}.wav", tone(200 + 100 * number))
    ids = [clip_id for clips in splits_of(source(tmp_path).load()) for clip_id in clips.ids]
    assert len({clip_id.casefold() for clip_id in ids}) == 4
    assert all(
        set(clip_id) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") for clip_id in ids
    )


def test_clips_have_a_pitch_and_no_curves(tmp_path: Path) -> None:
    write_named_notes(tmp_path)
    for clips in splits_of(source(tmp_path).load()):
        assert clips.modulation is None
        assert clips.modulation_names == ()
        assert float(clips.q.abs().max()) == 0
        for clip_id, f0_hz in zip(clips.ids, clips.f0_hz.tolist(), strict=True):
            assert f0_hz == pytest.approx(440 * 2 ** ((int(clip_id[1:3]) - 69) / 12), rel=1e-6)
