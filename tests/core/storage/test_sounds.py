"""Names of the sound files of an attempt."""

from core.storage.sounds import audio_name, file_safe


def test_name_has_clip_and_role() -> None:
    assert audio_name("synthetic-00042", "target") == "audio/synthetic-00042.target.flac"


def test_ids_become_safe_names_of_files() -> None:
    assert file_safe("deep/C#3: a b") == "deep_C_3__a_b"
    assert file_safe("plain-1.2_3") == "plain-1.2_3"
