"""Groups of the sounds of a folder, which no split parts: by `metadata.csv`, by patch in the name, and by sound.

A file belongs to the group that `metadata.csv` gives it, else to the patch in its name (core.data.file_names) and
folder, else to one of its own. Groups that have the same sound, possibly in another format or at another level
(core.data.fingerprint), are joined.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.data.fingerprint import same_sounds
from core.data.partition import Partition

Reason = Literal["metadata", "name", "same sound"]
"""Why a file is in a group: it is listed in it, shares the patch in the name, or its sound, with others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Groupable:
    """What decides the group of a file."""

    file: str
    listed: str | None
    """Group in the metadata; None if there is none."""
    patch: str | None
    """Folder and patch by its name; None if the name has no note."""
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """Group of a file."""

    group: str
    reasons: tuple[Reason, ...]
    """Empty if the file is alone in its group."""
    same_as: str | None
    """The first file with the same sound; None if it is this one."""


def group_files(files: Sequence[Groupable], *, by_name: bool = True) -> tuple[Grouped, ...]:
    """The group of each file.

    Args:
        files: The files.
        by_name: Whether the patch in the name counts.
    """
    sounds = same_sounds([file.fingerprint for file in files])
    keys = [file.listed or (by_name and file.patch) or file.file for file in files]
    groups, first_with = Partition(len(files)), dict[str, int]()
    for index, key in enumerate(keys):
        groups.join(first_with.setdefault(key, index), index)
        groups.join(sounds.first(index), index)
    # A group in the metadata names the whole group, else its first file does.
    names = dict[int, str]()
    for has_name in (True, False):
        for index, file in enumerate(files):
            if (file.listed is not None) is has_name:
                names.setdefault(groups.first(index), keys[index])
    n_with_key, n_with_sound = Counter(keys), Counter(map(sounds.first, range(len(files))))

    def reasons(index: int) -> tuple[Reason, ...]:
        file, found = files[index], list[Reason]()
        if file.listed is not None:
            found.append("metadata")
        elif by_name and file.patch is not None and n_with_key[keys[index]] > 1:
            found.append("name")
        if n_with_sound[sounds.first(index)] > 1:
            found.append("same sound")
        return tuple(found)

    return tuple(
        Grouped(
            group=names[groups.first(index)],
            reasons=reasons(index),
            same_as=files[sounds.first(index)].file if sounds.first(index) != index else None,
        )
        for index in range(len(files))
    )
