"""Damage to the files of a stored study."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path], None]
"""Damages what is at a path."""


def flipped(n_bytes: int) -> Damage:
    """Other values of some bytes at places that follow from the name of the file."""

    def damage(path: Path) -> None:
        data = bytearray(path.read_bytes())
        rng = random.Random(f"{path.name} {n_bytes}")
        for at in rng.sample(range(len(data)), n_bytes):
            data[at] ^= rng.randrange(1, 256)
        path.write_bytes(data)

    return damage


def written(content: bytes) -> Damage:
    """Other content."""
    return lambda path: _written(path, content)


def _written(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def cut(path: Path) -> None:
    """Only the first half is left."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def lengthened(path: Path) -> None:
    """Bytes were added at the end."""
    path.write_bytes(path.read_bytes() + b"\n{}")


def huge(path: Path) -> None:
    """The file has become 8 TB, which take no space on the disk."""
    os.truncate(path, 2**43)


def missing(path: Path) -> None:
    """The file is not there."""
    path.unlink()


def folder(path: Path) -> None:
    """There is a folder with a file in its place."""
    path.unlink()
    path.mkdir()
    (path / "Thumbs.db").write_bytes(b"thumbs")


def loop(path: Path) -> None:
    """There is a symbolic link to itself in its place."""
    path.unlink()
    path.symlink_to(path.name)


def pipe(path: Path) -> None:
    """There is a pipe in its place, from which reading never ends."""
    path.unlink()
    os.mkfifo(path)


DAMAGES: dict[str, Damage] = {
    "empty": written(b""),
    "cut": cut,
    "longer": lengthened,
    "garbage": written(bytes(range(256)) * 8),
    "zeros": written(b"\x00" * 4096),
    "one byte": flipped(1),
    "eight bytes": flipped(8),
    "huge": huge,
    "missing": missing,
    "folder": folder,
    "loop": loop,
    "pipe": pipe,
}
"""Kinds of damage by name."""


def copied(study: Path, root: Path) -> Path:
    """A copy of a study in a root of the test's own."""
    target = root / study.name
    shutil.copytree(study, target)
    return target
