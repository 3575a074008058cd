"""Groups of sounds: metadata, patches in names, and equal sounds."""

from core.data.fingerprint import fingerprint
from core.data.grouping import Groupable, group_files
from tests.support.sounds import tone


def sound(
    file: str, f0_hz: float = 100.0, *, level: float = 0.5, listed: str | None = None, patch: str | None = None
) -> Groupable:
    """A sine as a file."""
    print_of_it = fingerprint(tone(f0_hz, level=level), 16_000, 1.0)
    return Groupable(file=file, listed=listed, patch=patch, fingerprint=print_of_it)


def test_files_are_grouped_by_patch_and_alone_otherwise() -> None:
    low, high, other = group_files(
        [sound("pad C2.wav", 65.4, patch="pad"), sound("pad D2.wav", 73.4, patch="pad"), sound("hit.wav", 200.0)]
    )
    assert (low.group, low.reasons) == ("pad", ("name",))
    assert (high.group, high.reasons) == ("pad", ("name",))
    assert (other.group, other.reasons, other.same_as) == ("hit.wav", (), None)


def test_equal_sounds_join_their_groups() -> None:
    files = [
        sound("a C2.wav", 65.4, patch="a"),
        sound("a D2.wav", 73.4, patch="a"),
        sound("b C2.wav", 65.4, level=0.1, patch="b"),
        sound("b E2.wav", 82.4, patch="b"),
    ]
    found = group_files(files)
    assert {grouped.group for grouped in found} == {"a"}
    assert [grouped.reasons for grouped in found] == [
        ("name", "same sound"),
        ("name",),
        ("name", "same sound"),
        ("name",),
    ]
    assert [grouped.same_as for grouped in found] == [None, None, "a C2.wav", None]


def test_group_in_the_metadata_wins_over_the_name_but_not_over_the_sound() -> None:
    files = [
        sound("pad C2.wav", 65.4, patch="pad", listed="one"),
        sound("pad D2.wav", 73.4, patch="pad", listed="two"),
        sound("pad E2.wav", 82.4, patch="pad"),
        sound("copy.wav", 73.4, level=0.3),
    ]
    found = group_files(files)
    assert [grouped.group for grouped in found] == ["one", "two", "pad", "two"]
    assert [grouped.reasons for grouped in found] == [("metadata",), ("metadata", "same sound"), (), ("same sound",)]


def test_patches_in_names_can_be_left_out() -> None:
    files = [sound("pad C2.wav", 65.4, patch="pad"), sound("pad D2.wav", 73.4, patch="pad")]
    assert [grouped.group for grouped in group_files(files, by_name=False)] == ["pad C2.wav", "pad D2.wav"]
