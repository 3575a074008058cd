"""What was made of each file of a sound folder, for reports, and what the user should know of all of them."""

from collections.abc import Sequence

from core.data.file_inspection import FileInspection
from core.data.splits import Splits
from core.data.usable_files import Choice
from core.storage.records import DataFile

_MOST = 0.5
"""Share of the pitches that are tracked or assumed above which there is a note."""
_LONG = 4
"""Files at least as long as this many clips are called long."""


def data_files(inspections: Sequence[FileInspection], choice: Choice, splits: Splits) -> tuple[DataFile, ...]:
    """All files in the order of their inspections."""
    used = {file.file: file for file in choice.files}
    owners = [file.file for file in choice.files for _ in file.clip_starts_s]
    split_of = {
        owners[index]: name
        for name, indices in (("train", splits.train), ("validation", splits.validation), ("test", splits.test))
        for index in indices
    }
    rows = []
    for inspection in inspections:
        file, grouped = used.get(inspection.file), choice.grouped.get(inspection.file)
        rows.append(
            DataFile(
                file=inspection.file,
                f0_hz=file.f0_hz if file else inspection.f0_hz,
                pitch_source=(file.pitch_source if file else inspection.pitch_source) or "",
                lfo_hz=inspection.lfo_hz,
                group=grouped.group if grouped else "",
                grouped_by=grouped.reasons if grouped else (),
                same_sound_as=grouped.same_as if grouped else None,
                split=split_of.get(inspection.file, ""),
                duration_s=inspection.duration_s or None,
                clip_starts_s=file.clip_starts_s if file else (),
                remark=choice.problems.get(inspection.file) or "; ".join(inspection.remarks),
            )
        )
    return tuple(rows)


def data_notes(inspections: Sequence[FileInspection], choice: Choice, duration_s: float) -> tuple[str, ...]:
    """Sentences on pitches, groups and clips that the user should know of.

    Args:
        inspections: All files.
        choice: Those that are used.
        duration_s: Length of a clip.
    """
    notes, n_files = list[str](), len(choice.files)
    n_tracked, n_assumed = (
        sum(file.pitch_source == source for file in choice.files) for source in ("tracked", "assumed")
    )
    if n_tracked > _MOST * n_files:
        notes.append(
            f"{n_tracked} of {n_files} pitches were tracked, which can err by an octave: check them in data.csv beside "
            "the report; metadata.csv (file, note) or note names in the file names settle them"
        )
    if n_assumed:
        assumed_hz = next(file.f0_hz for file in choice.files if file.pitch_source == "assumed")
        notes.append(
            f"sounds without a stable pitch, taken at {assumed_hz:g} Hz: {n_assumed} of {n_files} "
            "(data.unpitched=assume, data.assumed_f0_hz)"
        )
    n_copies = sum(choice.grouped[file.file].same_as is not None for file in choice.files)
    if n_copies:
        notes.append(
            f"copies of other files in another format or at another level: {n_copies} of {n_files} sounds; they are "
            "used, in the same split as the others"
        )
    if choice.is_by_file:
        notes.append(
            "by their names the sounds are of fewer than 3 patches, too few for three splits: each file is a group of "
            "its own, so the test sounds are of patches that were trained on"
        )
    used = {file.file: file for file in choice.files}
    n_several = sum(len(file.clip_starts_s) > 1 for file in choice.files)
    n_long = sum(file.duration_s >= _LONG * duration_s for file in inspections if file.file in used)
    if n_several:
        n_clips = sum(len(file.clip_starts_s) for file in choice.files)
        notes.append(f"files that give several clips: {n_several} of {n_files}, {n_clips} clips in all")
    elif n_long:
        notes.append(
            f"recordings of {_LONG} clips or longer, of which only the first {duration_s:g} s are used: {n_long} of "
            f"{n_files}; --set data.clips_per_file={_LONG} takes up to {_LONG} clips of each file"
        )
    return tuple(notes)
