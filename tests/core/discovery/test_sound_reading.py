"""Sound files that a user names: which they are, and that they are read in order."""

from pathlib import Path

import pytest

from core.discovery.sound_reading import Reading, ReadSound, RefusedSound, named_files, read_sounds
from core.errors import DataError
from tests.support.sounds import noise, tone, write_sound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_sound(tmp_path / "pads" / "pad C3.wav", tone(130.8))
    write_sound(tmp_path / "pads" / "soft" / "pad D3.flac", tone(146.8))
    write_sound(tmp_path / "bell.wav", tone(880.0))
    return tmp_path


def test_folders_and_files_are_each_taken_once_under_names_of_their_own(folder: Path) -> None:
    files = named_files([folder / "pads", folder / "bell.wav", folder / "pads" / "pad C3.wav", folder])
    assert [(file.file, file.id) for file in files] == [
        ("pad C3.wav", "pad_C3"),
        ("soft/pad D3.flac", "soft_pad_D3"),
        ("bell.wav", "bell"),
    ]


def test_a_link_has_its_own_name_and_what_is_not_there_is_kept_for_the_report(folder: Path) -> None:
    (folder / "lead A4.wav").symlink_to(folder / "bell.wav")
    linked, missing = named_files([folder / "lead A4.wav", folder / "nothing.wav"])
    assert linked.file == "lead A4.wav"
    outcome = Reading().read(missing)
    assert isinstance(outcome, RefusedSound)
    assert outcome.reason == "unreadable: No such file or directory"
    assert isinstance(named := Reading().read(linked), ReadSound)
    assert (named.pitch.source, named.pitch.f0_hz) == ("file name", 440.0)


def test_a_folder_without_sounds_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a folder must hold sound files"):
        named_files([tmp_path])


def test_sounds_come_in_order_with_those_that_are_refused(tmp_path: Path) -> None:
    for number in range(40):
        sound = noise(number) if number % 10 == 3 else tone(200 + 10 * number)
        write_sound(tmp_path / f"{number:02d}.wav", sound)
    files = named_files([tmp_path])
    outcomes = list(read_sounds(files, Reading(sample_rate=16_000)))
    assert [outcome.named.id for outcome in outcomes] == [f"{number:02d}" for number in range(40)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, RefusedSound)]
    assert [outcome.named.id for outcome in refused] == ["03", "13", "23", "33"]
    assert all(outcome.reason.startswith("noise: ") for outcome in refused)
    for number, outcome in enumerate(outcomes):
        if isinstance(outcome, ReadSound):
            assert outcome.pitch.f0_hz == pytest.approx(200 + 10 * number, rel=0.005)


def test_reading_ends_when_its_results_are_no_longer_wanted(tmp_path: Path) -> None:
    for number in range(30):
        write_sound(tmp_path / f"{number:02d}.wav", tone())
    sounds = read_sounds(named_files([tmp_path]), Reading())
    assert isinstance(next(sounds), ReadSound)
    sounds.close()
