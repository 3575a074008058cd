"""Paths that are not those of files."""

import os
from pathlib import Path
from typing import Literal, assert_never, get_args

Kind = Literal["folder", "pipe", "device", "dead link", "loop"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def make_irregular(path: Path, kind: Kind) -> None:
    """Make something at a path that is no file."""
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "dead link":
            path.symlink_to("nowhere")
        case "loop":
            path.symlink_to(path)
        case _:
            assert_never(kind)
