import json
from collections import Counter

import numpy as np
import pytest
import soundfile
import torch

from core.data import file_inspection as inspect_files
from core.data.sources.audio_folder import load_folder, scan_folder
from core.errors import ConfigError, DataError
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig

AUDIO = AudioConfig()
RNG = np.random.default_rng(0)


def tone(f0_hz=220.0, sample_rate=16_000, seconds=0.5, level=0.5, channels=1):
    time_s = np.arange(round(seconds * sample_rate)) / sample_rate
    audio = level * np.sin(2 * np.pi * f0_hz * time_s)
    return np.stack([audio] * channels, axis=1) if channels > 1 else audio


def noise(seconds=0.5, sample_rate=16_000):
    return 0.2 * RNG.standard_normal(round(seconds * sample_rate)).clip(-3, 3)


def write(path, audio, sample_rate=16_000, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, sample_rate, **kwargs)


def named_notes(folder, midi=(48, 50, 52, 54)):
    """One sound per note, each unlike the others."""
    for note in midi:
        write(folder / f"p{note}_{note}-100.wav", tone(level=0.3 + 0.001 * note))


def config(folder, **settings):
    return AudioFolderConfig(folder=str(folder), **{"min_files": 3, **settings})


def test_files_of_any_rate_format_and_channel_count_are_used(tmp_path):
    write(tmp_path / "a C4.wav", tone(261.6, 8000), 8000, subtype="PCM_U8")
    write(tmp_path / "b C4.flac", tone(261.6, 96_000, channels=2), 96_000)
    write(tmp_path / "deep" / "c C4.ogg", tone(261.6, 44_100), 44_100)
    write(tmp_path / "d C4.AIFF", tone(261.6, 22_050, channels=6), 22_050, format="AIFF")
    write(tmp_path / "e C4.wav", tone(261.6, 48_000, seconds=3.0), 48_000, subtype="FLOAT")
    (tmp_path / "notes.txt").write_text("no sound")
    write(tmp_path / "._e C4.wav", tone())
    scan = scan_folder(config(tmp_path), AUDIO)
    assert [file.file for file in scan.files] == ["a C4.wav", "b C4.flac", "d C4.AIFF", "deep/c C4.ogg", "e C4.wav"]
    assert scan.notices == ()
    assert scan.summary["pitch_source"] == {"file name": 5}
    clips = load_folder(config(tmp_path), AUDIO)
    everything = torch.cat([clips.train.audio, clips.validation.audio, clips.test.audio])
    assert everything.shape == (5, 16_000)
    for clip in everything:
        # A 261.6 Hz tone, whatever its file's rate was: one spectral peak where it belongs.
        peak_hz = torch.fft.rfft(clip[:8000] * torch.hann_window(8000)).abs().argmax() * 2
        assert abs(peak_hz - 261.6) < 3
    torch.testing.assert_close(everything.abs().amax(dim=1), torch.full((5,), 0.9))


def test_short_sounds_are_padded_and_long_ones_cut_at_their_start(tmp_path):
    for name, seconds in (("a C4", 0.25), ("b C4", 1.0), ("c C4", 2.0)):
        write(tmp_path / f"{name}.wav", tone(seconds=seconds, level=0.1 + 0.1 * seconds), subtype="FLOAT")
    dataset = load_folder(config(tmp_path), AUDIO)
    clips = {clips.ids[0]: clips.audio[0] for clips in (dataset.train, dataset.validation, dataset.test)}
    expected = torch.from_numpy(tone(seconds=1.0)).float() * 1.8
    torch.testing.assert_close(clips["b_C4"], expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(clips["c_C4"], expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(clips["a_C4"][:4000], expected[:4000], atol=1e-4, rtol=0)
    assert clips["a_C4"][4000:].abs().max() == 0


def test_channels_are_averaged(tmp_path):
    named_notes(tmp_path)
    left = tone()
    write(tmp_path / "both C4.wav", np.stack([left, np.zeros_like(left)], axis=1), subtype="FLOAT")
    write(tmp_path / "against C4.wav", np.stack([left, -left], axis=1), subtype="FLOAT")
    scan = scan_folder(config(tmp_path), AUDIO)
    assert "both C4.wav" in {file.file for file in scan.files}
    assert [notice.source for notice in scan.notices] == ["against C4.wav"]
    assert scan.notices[0].problem.startswith("silent")


def test_each_pitch_is_told_by_its_best_source(tmp_path):
    write(tmp_path / "bass_48-100.wav", tone(100.0, level=0.3))
    write(tmp_path / "lead Bb2.wav", tone(100.0, level=0.4))
    write(tmp_path / "mystery.wav", tone(330.0))
    write(tmp_path / "wrong C4.wav", tone(100.0, level=0.6))
    write(tmp_path / "told.wav", noise())
    (tmp_path / "metadata.csv").write_text("file,f0_hz,note,group\nwrong C4.wav,123.5,,\n./told.wav,,A3,noises\n")
    scan = scan_folder(config(tmp_path), AUDIO)
    found = {file.file: (file.pitch_source, file.f0_hz) for file in scan.files}
    assert found["bass_48-100.wav"] == ("file name", pytest.approx(130.81, abs=0.01))
    assert found["lead Bb2.wav"] == ("file name", pytest.approx(116.54, abs=0.01))
    assert found["mystery.wav"] == ("tracked", pytest.approx(330.0, rel=3e-3))
    assert found["wrong C4.wav"] == ("metadata", 123.5)
    assert found["told.wav"] == ("metadata", pytest.approx(220.0))
    assert scan.summary["pitch_source"] == {"file name": 2, "metadata": 2, "tracked": 1}


def test_unusable_files_are_skipped_and_say_why(tmp_path):
    named_notes(tmp_path)
    write(tmp_path / "quiet C4.wav", tone(level=1e-4), subtype="FLOAT")
    write(tmp_path / "late C4.wav", np.concatenate([np.zeros(16_000), tone()]))
    write(tmp_path / "nan C4.wav", np.full(100, np.nan), subtype="FLOAT")
    write(tmp_path / "empty C4.wav", np.zeros(0))
    (tmp_path / "text C4.wav").write_bytes(b"RIFF but not really")
    write(tmp_path / "hiss.wav", noise())
    write(tmp_path / "low.wav", tone(), 16_000)
    (tmp_path / "zcopy.wav").write_bytes((tmp_path / "p48_48-100.wav").read_bytes())
    (tmp_path / "metadata.csv").write_text("file,f0_hz\nlow.wav,9000\nabsent.wav,100\n")
    scan = scan_folder(config(tmp_path), AUDIO)
    assert len(scan.files) == 4
    assert all(notice.skipped for notice in scan.notices)
    reasons = {notice.source: notice.problem for notice in scan.notices}
    assert reasons["quiet C4.wav"].startswith("silent")
    assert reasons["late C4.wav"] == "silent: its first 1 s stay below -60 dB of full scale"
    assert reasons["nan C4.wav"].startswith("broken")
    assert reasons["empty C4.wav"].startswith("empty")
    assert reasons["text C4.wav"].startswith("unreadable")
    assert reasons["hiss.wav"].startswith("no pitch")
    assert reasons["low.wav"] == "pitch 9000 Hz is not below half of the sample rate"
    assert reasons["zcopy.wav"] == "the same file as p48_48-100.wav"
    assert reasons["absent.wav"].startswith("listed in metadata.csv")
    assert scan.summary["n_skipped"] == 8


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
def test_eight_samples_at_full_scale_are_remarked_and_seven_are_not(tmp_path, subtype):
    named_notes(tmp_path)
    for name, run, sign in (("seven", 7, 1), ("eight", 8, 1), ("below", 9, -1)):
        audio = 0.5 * tone(seconds=1.0)
        audio[4000 : 4000 + run] = 1.0 * sign
        write(tmp_path / f"{name} C4.wav", audio, subtype=subtype)
    scan = scan_folder(config(tmp_path), AUDIO)
    assert {notice.source for notice in scan.notices} == {"eight C4.wav", "below C4.wav"}
    assert not any(notice.skipped for notice in scan.notices)
    assert scan.summary["n_remarked"] == 2
    assert len(scan.files) == 7


def test_a_clipped_run_is_seen_across_two_blocks_and_in_one_channel_only(tmp_path, monkeypatch):
    monkeypatch.setattr(inspect_files, "_BLOCK", 1000)
    named_notes(tmp_path)
    audio = tone(seconds=1.0, channels=2) * 0.5
    audio[996:1004, 1] = 1.0
    write(tmp_path / "edge C4.wav", audio)
    audio = tone(seconds=1.0, channels=2) * 0.5
    audio[996:1000, 0] = 1.0
    audio[1000:1004, 1] = 1.0
    write(tmp_path / "apart C4.wav", audio)
    assert [notice.source for notice in scan_folder(config(tmp_path), AUDIO).notices] == ["edge C4.wav"]


def test_unpitched_files_can_be_given_a_pitch(tmp_path):
    for number in range(4):
        write(tmp_path / f"hiss{number}.wav", noise())
    with pytest.raises(DataError, match=r"has 0 of 4 \(4 no pitch\); .*data.unpitched=assume"):
        scan_folder(config(tmp_path), AUDIO)
    scan = scan_folder(config(tmp_path, unpitched="assume", assumed_f0_hz=55.0), AUDIO)
    assert {(file.pitch_source, file.f0_hz) for file in scan.files} == {("assumed", 55.0)}


def test_a_folder_without_enough_sound_is_refused_with_the_counts(tmp_path):
    with pytest.raises(ConfigError, match=r"data\.folder is not set"):
        scan_folder(AudioFolderConfig(), AUDIO)
    with pytest.raises(DataError, match="there is none at"):
        scan_folder(config(tmp_path / "nowhere"), AUDIO)
    with pytest.raises(DataError, match="has none"):
        scan_folder(config(tmp_path), AUDIO)
    for number in range(3):
        write(tmp_path / f"{number} C4.wav", np.zeros(1000 + number))
    with pytest.raises(DataError, match=r"asks for 3 usable sounds; .* has 0 of 3 \(3 silent\)"):
        scan_folder(config(tmp_path), AUDIO)
    named_notes(tmp_path)
    with pytest.raises(DataError, match=r"asks for 5 usable sounds; .* has 4 of 7 \(3 silent\)"):
        scan_folder(config(tmp_path, min_files=5), AUDIO)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,pitch\na,1\n", "needs the columns file"),
        ("", "needs the columns file"),
        ("file,f0_hz\na.wav,fast\n", "line 2: f0_hz is above 0 Hz; got 'fast'"),
        ("file,f0_hz\na.wav,-3\n", "line 2: f0_hz"),
        ("file,note\na.wav,\nb.wav,H9\n", "line 3: a note is a name such as"),
        ("file,note\n,C4\n", "every row names its file"),
    ],
)
def test_metadata_that_cannot_be_understood_is_refused(tmp_path, text, message):
    named_notes(tmp_path)
    (tmp_path / "metadata.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        scan_folder(config(tmp_path), AUDIO)


def test_no_patch_is_on_two_sides_of_a_split(tmp_path):
    for patch in range(6):
        for note in (48, 55, 60):
            write(tmp_path / f"patch{patch}_{note}-100.wav", tone(level=0.2 + 0.1 * patch + 0.001 * note))
    settings = config(tmp_path, seed=4)
    groups = {file.file: file.group for file in scan_folder(settings, AUDIO).files}
    assert Counter(groups.values()) == {f"patch{patch}": 3 for patch in range(6)}
    dataset = load_folder(settings, AUDIO)
    sides = [
        {clip_id.split("_")[0] for clip_id in clips.ids} for clips in (dataset.train, dataset.validation, dataset.test)
    ]
    assert [len(side) for side in sides] == [4, 1, 1]
    assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]


def test_metadata_groups_override_names_and_two_groups_are_refused(tmp_path):
    named_notes(tmp_path)
    (tmp_path / "metadata.csv").write_text(
        "file,group\n"
        + "".join(f"p{note}_{note}-100.wav,{'one' if note < 52 else 'two'}\n" for note in (48, 50, 52, 54))
    )
    with pytest.raises(DataError, match="at least 3 are needed; got 2"):
        scan_folder(config(tmp_path), AUDIO)


def test_the_hash_follows_contents_names_and_pitches_and_not_the_place(tmp_path):
    named_notes(tmp_path / "one")
    named_notes(tmp_path / "two")
    one, two = (scan_folder(config(tmp_path / name), AUDIO).sha256 for name in ("one", "two"))
    assert one == two
    assert scan_folder(config(tmp_path / "two", seed=9), AUDIO).sha256 == one
    (tmp_path / "two" / "metadata.csv").write_text("file,f0_hz\np48_48-100.wav,99\n")
    assert scan_folder(config(tmp_path / "two"), AUDIO).sha256 != one
    (tmp_path / "two" / "metadata.csv").unlink()
    write(tmp_path / "two" / "p48_48-100.wav", tone(level=0.77))
    assert scan_folder(config(tmp_path / "two"), AUDIO).sha256 != one


def test_a_folder_that_changed_since_planning_is_refused(tmp_path):
    named_notes(tmp_path)
    sha256 = scan_folder(config(tmp_path), AUDIO).sha256
    assert len(load_folder(config(tmp_path, manifest_sha256=sha256), AUDIO).train) == 2
    with pytest.raises(DataError, match="not those the trial was planned with"):
        load_folder(config(tmp_path, manifest_sha256="0" * 64), AUDIO)


def test_clip_ids_are_file_safe_and_unique(tmp_path):
    for number, name in enumerate(["a/x C4", "a_x C4", "Ä ü:? C4", "A_X C4"]):
        write(tmp_path / f"{name}.wav", tone(level=0.3 + 0.1 * number))
    dataset = load_folder(config(tmp_path), AUDIO)
    ids = [*dataset.train.ids, *dataset.validation.ids, *dataset.test.ids]
    assert len({clip_id.casefold() for clip_id in ids}) == 4
    assert all(
        set(clip_id) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") for clip_id in ids
    )


def test_an_unchanged_folder_is_not_looked_at_twice(tmp_path, monkeypatch, own_cache):
    named_notes(tmp_path)
    write(tmp_path / "mystery.wav", tone(330.0))
    first = scan_folder(config(tmp_path), AUDIO)

    def refuse(*_):
        raise AssertionError("the tracker ran again")

    monkeypatch.setattr(inspect_files, "track_pitch", refuse)
    assert scan_folder(config(tmp_path), AUDIO) == first
    assert scan_folder(config(tmp_path, min_files=4, unpitched="assume", seed=3), AUDIO) == first
    (cached,) = (own_cache / "modstudy" / "scans").iterdir()
    write(tmp_path / "mystery.wav", tone(331.0))
    with pytest.raises(AssertionError):
        scan_folder(config(tmp_path), AUDIO)
    assert cached.is_file()


@pytest.mark.parametrize("damage", [b"", b"{", json.dumps([{"file": "x"}]).encode()])
def test_a_damaged_cache_costs_a_rescan_only(tmp_path, own_cache, damage):
    named_notes(tmp_path)
    first = scan_folder(config(tmp_path), AUDIO)
    (cached,) = (own_cache / "modstudy" / "scans").iterdir()
    cached.write_bytes(damage)
    assert scan_folder(config(tmp_path), AUDIO) == first
    assert len(cached.read_bytes()) > 100


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    named_notes(tmp_path / "sounds")
    assert len(scan_folder(config(tmp_path / "sounds"), AUDIO).files) == 4


def test_the_dataset_knows_pitch_and_no_curves(tmp_path):
    named_notes(tmp_path)
    dataset = load_folder(config(tmp_path), AUDIO)
    for clips in (dataset.train, dataset.validation, dataset.test):
        assert clips.modulation is None
        assert clips.q.abs().max() == 0
        for clip_id, f0_hz in zip(clips.ids, clips.f0_hz.tolist(), strict=True):
            assert f0_hz == pytest.approx(440 * 2 ** ((int(clip_id[1:3]) - 69) / 12), rel=1e-6)
