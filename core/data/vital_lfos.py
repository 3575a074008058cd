"""LFO shapes from files of the synthesizer Vital: `.vitallfo`, a JSON object with points and powers.

`points` is the list x0, y0, x1, y1, ... with y upside down (a value is 1 - y), `powers` has one entry per point, of
which the last is not used (core.data.lfo_shapes has the rule of a segment). Other entries are ignored.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from core.data.lfo_shapes import MAX_POINTS, DrawnLfo
from core.errors import DataError
from core.regular_files import read_regular
from core.settings.data import LFO_SHAPES, RANDOM
from core.settings.user_paths import user_path
from core.settings.value_rules import printable
from core.sound_decoding import reason

SUFFIX = ".vitallfo"
MAX_BYTES = 2**20
"""Largest file; one of Vital has some kB."""
MAX_SHAPES = 10_000
"""Most files in a folder."""
_OWN_SHAPES = Path(__file__).parent / "shapes"
"""Folder of the shapes that come with the package, drawn for it after common shapes of LFOs and envelopes."""


@dataclass(frozen=True, slots=True)
class _File:
    """The entries of a file that are read."""

    points: list[float]
    powers: list[float]


_ADAPTER = TypeAdapter(_File)


def read_vital_lfo(path: Path) -> DrawnLfo:
    """The shape in a `.vitallfo` file.

    Raises:
        DataError: the file is missing, no JSON, or breaks a rule of a shape.
    """
    try:
        content = _ADAPTER.validate_json(read_regular(path, MAX_BYTES), strict=True)
        n_points = len(content.points) // 2
        if len(content.points) % 2 or not 2 <= n_points <= MAX_POINTS:
            raise DataError(
                f"an LFO has 2 to {MAX_POINTS} points, an x and a y each; got {len(content.points)} numbers"
            )
        if not n_points - 1 <= len(content.powers) <= n_points:
            raise DataError(f"an LFO of {n_points} points has as many powers; got {len(content.powers)}")
        return DrawnLfo(
            points=tuple((x, 1.0 - y) for x, y in zip(content.points[::2], content.points[1::2], strict=True)),
            powers=tuple(content.powers[: n_points - 1]),
        )
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise DataError(
            f"{printable(path)}: {printable(place)}: {printable(first['msg'])[:200]}; save it again"
        ) from error
    except DataError as error:
        raise DataError(f"{printable(path)}: {error}; save it again") from error
    except OSError as error:
        raise DataError(f"{printable(path)} cannot be read: {reason(error)}") from error


def vital_lfos_in(folder: Path) -> tuple[DrawnLfo, ...]:
    """The shapes of all `.vitallfo` files in a folder, sorted by name.

    Raises:
        DataError: there is none, or too many, or one of them cannot be used.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"{printable(folder)} must be a folder of {SUFFIX} files: {reason(error)}") from error
    if not 0 < len(paths) <= MAX_SHAPES:
        raise DataError(
            f"a folder of shapes has 1 to {MAX_SHAPES} {SUFFIX} files; {printable(folder)} has {len(paths)}"
        )
    return tuple(read_vital_lfo(path) for path in paths)


def named_shapes(name_or_folder: str) -> tuple[DrawnLfo, ...]:
    """The shapes that `data.test_modulations` names; none if it is `random`.

    Raises:
        ConfigError: it is no path.
        DataError: it is a folder whose shapes cannot be used.
    """
    if name_or_folder == RANDOM:
        return ()
    if name_or_folder == LFO_SHAPES:
        return vital_lfos_in(_OWN_SHAPES)
    return vital_lfos_in(user_path(name_or_folder, "data.test_modulations"))


def named_shapes_sha256(name_or_folder: str) -> str:
    """Hash of the shapes that `data.test_modulations` names.

    Raises:
        ConfigError, DataError: as for `named_shapes`.
    """
    return shapes_sha256(named_shapes(name_or_folder))


def shapes_sha256(shapes: tuple[DrawnLfo, ...]) -> str:
    """Hash of shapes, which identifies what is drawn from them."""
    return hashlib.sha256(repr([(shape.points, shape.powers) for shape in shapes]).encode()).hexdigest()
