"""Many sound files, read and pitched by several threads while those before them are worked on.

Decoding, resampling and pitch tracking run outside Python. Files are read a few ahead, so that long ones do not fill
the memory.
"""

import os
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from core.data.metadata import Metadata
from core.discovery.pitch_finding import MetadataFiles, Pitch, pitch_of
from core.discovery.sound_input import LoadedSound, load_sound
from core.errors import DataError
from core.settings.value_rules import printable
from core.sound_decoding import MAX_DECODED_S
from core.sound_files import SUFFIXES, clip_ids, find_sounds, name_in

_MAX_THREADS = 8
_AHEAD = 16
"""Sounds that are read, or have been and are not yet used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFile:
    """A sound file of those that a user named."""

    path: Path
    id: str
    """Unique among these files, and valid in file names."""
    file: str
    """Path below the folder that was named, else the name of the file, in printable characters."""
    listed: Metadata | None
    """Its entry in a `metadata.csv`; None if it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSound:
    """A sound file with its sound and pitch."""

    named: NamedFile
    sound: LoadedSound
    pitch: Pitch


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedSound:
    """A sound file that cannot be used."""

    named: NamedFile
    reason: str
    """A category, a colon and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How sounds are read."""

    sample_rate: int | None = None
    """In Hz; None for that of each file."""
    seconds: float | None = None
    """Length from the start that is used; None for the whole sound."""
    longest_s: float = MAX_DECODED_S
    """Longest sound that is used as a whole."""
    given_hz: float | None = None
    """Pitch of all sounds; None if each has its own."""
    assumed_hz: float | None = None
    """Pitch of sounds in which none is found; None to refuse them."""
    may_move: bool = False
    """Whether a pitch that moves is used, at its middle."""

    def read(self, named: NamedFile) -> ReadSound | RefusedSound:
        """Read a file."""
        try:
            sound = load_sound(named.path, sample_rate=self.sample_rate, seconds=self.seconds, longest_s=self.longest_s)
            pitch = pitch_of(
                named.path,
                sound.audio,
                sound.sample_rate,
                given_hz=self.given_hz,
                listed=named.listed,
                assumed_hz=self.assumed_hz,
                may_move=self.may_move,
            )
        except DataError as error:
            return RefusedSound(named=named, reason=str(error))
        return ReadSound(named=named, sound=sound, pitch=pitch)


def named_files(paths: Iterable[Path]) -> tuple[NamedFile, ...]:
    """The sound files that some paths of files and folders name, each once.

    Raises:
        DataError: a folder has no sounds or too many, or its `metadata.csv` is damaged.
    """
    found: dict[str, tuple[Path, str, Metadata | None]] = {}
    metadata = MetadataFiles()
    for path in paths:
        folder = path if path.is_dir() else None
        sounds = [path] if folder is None else find_sounds(folder)
        if not sounds:
            raise DataError(
                f"a folder must hold sound files ({', '.join(SUFFIXES)}); {printable(path)} has none; name another one"
            )
        for each in sounds:
            name = printable(each.name) if folder is None else name_in(folder, each)
            # The same file may be named twice; `Path.resolve` fails for links that lead to each other.
            found.setdefault(os.path.realpath(each), (each, name, metadata.entry(each, folder)))
    ids = clip_ids(name for _, name, _ in found.values())
    return tuple(
        NamedFile(path=path, id=clip_id, file=name, listed=listed)
        for clip_id, (path, name, listed) in zip(ids, found.values(), strict=True)
    )


def read_sounds(files: Sequence[NamedFile], reading: Reading) -> Generator[ReadSound | RefusedSound]:
    """The sounds of the files in order, or why they cannot be used."""
    n_threads = max(1, min(_MAX_THREADS, len(os.sched_getaffinity(0)), len(files)))
    waiting, pending = iter(files), deque[Future[ReadSound | RefusedSound]]()
    with ThreadPoolExecutor(n_threads, thread_name_prefix="read") as executor:
        try:
            while True:
                pending.extend(executor.submit(reading.read, file) for file in islice(waiting, _AHEAD - len(pending)))
                if not pending:
                    return
                yield pending.popleft().result()
        finally:
            executor.shutdown(wait=True, cancel_futures=True)
