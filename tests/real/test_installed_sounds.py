"""Folders of sounds from Debian packages: mixed rates, stereo, unreadable and silent files."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.data.sources.audio_folder import AudioFolder
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig
from core.wavetables import load_wavetable

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("own_cache")]

LMMS = Path("/usr/share/lmms/samples")
SONIC_PI = Path("/usr/share/sonic-pi/samples")
FREEDESKTOP = Path("/usr/share/sounds/freedesktop/stereo")


def need(folder: Path, package: str) -> None:
    if not folder.is_dir():
        pytest.skip(f"needs the Debian package {package}")


def link(folder: Path, files: Iterable[Path]) -> None:
    folder.mkdir()
    for file in files:
        (folder / file.name).symlink_to(file)


def test_every_lmms_file_is_used_or_explained() -> None:
    need(LMMS, "lmms-common")
    source = AudioFolder(AudioFolderConfig(folder=str(LMMS), unpitched="assume"), AudioConfig())
    scan = source.scan()
    unreadable = [issue for issue in scan.issues if issue.problem.startswith("unreadable")]
    assert unreadable
    assert all(issue.skipped for issue in unreadable)
    assert len(scan.files) + sum(issue.skipped for issue in scan.issues) == scan.summary["n_found"]
    dataset = source.load()
    assert len(dataset.train) + len(dataset.validation) + len(dataset.test) == len(scan.files)


def test_mixed_folder_loads_and_its_skipped_files_have_reasons(tmp_path: Path) -> None:
    need(SONIC_PI, "sonic-pi-samples")
    need(FREEDESKTOP, "sound-theme-freedesktop")
    folder = tmp_path / "sounds"
    link(folder, [*sorted(SONIC_PI.glob("bass_*.flac")), *sorted(FREEDESKTOP.glob("*.oga"))[:12]])
    soundfile.write(folder / "silence.wav", np.zeros((8000, 2)), 8000)
    (folder / "malformed.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt nonsense")
    source = AudioFolder(AudioFolderConfig(folder=str(folder), unpitched="assume"), AudioConfig())
    scan = source.scan()
    skipped = {issue.source: issue.problem.partition(":")[0] for issue in scan.issues if issue.skipped}
    assert skipped["silence.wav"] == "silent"
    assert skipped["malformed.wav"] == "unreadable"
    assert set(scan.summary["pitch_source"]) == {"assumed", "tracked"}
    rates = {soundfile.info(folder / file.file).samplerate for file in scan.files}
    assert len(rates) > 1
    train = source.load().train
    assert train.audio.abs().amax(dim=1).allclose(train.audio.new_tensor(0.9))


def test_tracked_pitches_are_the_notes_that_sonic_pi_names(tmp_path: Path) -> None:
    need(SONIC_PI, "sonic-pi-samples")
    link(tmp_path / "sounds", sorted(SONIC_PI.glob("bass_*.flac")))
    scan = AudioFolder(AudioFolderConfig(folder=str(tmp_path / "sounds"), min_files=3), AudioConfig()).scan()
    found = {file.file: file.f0_hz for file in scan.files}
    # These are named after the note c, in some octave.
    for name in ("bass_thick_c.flac", "bass_voxy_hit_c.flac"):
        semitones = 12 * np.log2(found[name] / 261.626) % 12
        assert min(semitones, 12 - semitones) < 0.5


def test_copies_of_one_shots_are_grouped_and_different_ones_are_not(tmp_path: Path) -> None:
    need(SONIC_PI, "sonic-pi-samples")
    folder = tmp_path / "sounds"
    originals = sorted([*SONIC_PI.glob("drum_*.flac"), *SONIC_PI.glob("tabla_*.flac"), *SONIC_PI.glob("bass_*.flac")])
    link(folder, originals)
    for original in originals[::4]:
        audio, rate = soundfile.read(original)
        soundfile.write(folder / f"a copy of {original.stem}.ogg", 0.3 * audio / np.abs(audio).max(), rate)
    scan = AudioFolder(AudioFolderConfig(folder=str(folder), unpitched="assume"), AudioConfig()).scan()
    found = {file.file: file.same_sound_as for file in scan.data_files if file.same_sound_as is not None}
    # The first in the order of names is the copy.
    assert found == {original.name: f"a copy of {original.stem}.ogg" for original in originals[::4]}


def test_speech_and_ambience_are_taken_at_an_assumed_pitch_in_several_clips(tmp_path: Path) -> None:
    need(SONIC_PI, "sonic-pi-samples")
    if shutil.which("espeak-ng") is None:
        pytest.skip("needs the Debian package espeak-ng")
    folder = tmp_path / "sounds"
    link(folder, sorted(SONIC_PI.glob("ambi_*.flac")))
    for number, text in enumerate(("The weather is nice today", "A fox jumps over a dog", "One two three four five")):
        subprocess.run(["espeak-ng", "-w", str(folder / f"voice_{number}.wav"), text], check=True)
    config = AudioFolderConfig(folder=str(folder), unpitched="assume", clips_per_file=3)
    source = AudioFolder(config, AudioConfig())
    scan = source.scan()
    assert len(scan.files) == scan.summary["n_found"]
    sources = {file.file: file.pitch_source for file in scan.data_files}
    assert all(sources[f"voice_{number}.wav"] == "assumed" for number in range(3))
    assert sources["ambi_glass_hum.flac"] == "tracked"
    assert any(note.startswith("sounds without a stable pitch") for note in scan.notes)
    dataset = source.load()
    assert len(dataset.train) + len(dataset.validation) + len(dataset.test) == sum(scan.n_clips) > len(scan.files)


def test_single_cycles_of_lmms_become_a_wavetable(tmp_path: Path) -> None:
    shapes = LMMS / "shapes"
    need(shapes, "lmms-common")
    cycles = [file for file in sorted(shapes.glob("*.wav")) if soundfile.info(file).frames <= 400]
    assert len(cycles) >= 10
    link(tmp_path / "cycles", cycles)
    table = load_wavetable(str(tmp_path / "cycles"))
    assert table.shape == (len(cycles), 512)
    assert float(table.mean(dim=1).abs().max()) < 1e-6
