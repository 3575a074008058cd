"""Rendering of takes into a folder: an interrupted render can be completed, a complete one checked.

`render.json` with the settings is written first, then the sounds, each of which appears under its final name when
complete, and what lists them last: `metadata.csv` if an LFO has a declared rate or no curves are known, so that the
folder can be read as one of recordings, and the manifest if all true curves are known.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

import numpy as np
import soundfile
from jaxtyping import Float
from numpy import ndarray

from core.data.lfo_shapes import DrawnLfo
from core.data.manifest import MANIFEST_NAME, read_manifest, write_manifest
from core.data.manifest_columns import MODULATIONS
from core.data.metadata import METADATA_NAME
from core.data.periodic_lfo import PeriodicLfo
from core.data.renderers.rate_metadata import metadata_row, recorded_hashes, write_rows
from core.errors import ConfigError, DataError
from core.regular_files import is_regular_file, read_regular
from core.settings.value_rules import printable
from core.sound_decoding import reason
from core.storage.atomic_write import atomic_path, write_atomically

SETTINGS_NAME = "render.json"
"""File with the settings of the render, which identifies the folder."""
_MAX_SETTINGS_BYTES = 2**20
"""Largest `render.json` that is read."""
FRAME_RATE = 500.0
"""Frames per second of the curves in the manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSummary:
    """Summary of a call of a renderer."""

    folder: Path
    n_files: int
    n_rendered: int
    """Files that this call rendered; an earlier call rendered the others."""
    seconds: float
    """Wall time of this call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A sound to render, with its pitch, LFOs and patch."""

    patch: str
    """Id of the patch."""
    f0_hz: float
    lfos: Mapping[str, DrawnLfo | PeriodicLfo]
    """By name of the modulation: one over the whole sound or a periodic one; of add, sub and env all or none."""
    patch_settings: dict[str, Any]
    """Other settings of the patch."""
    render: Callable[[], Float[ndarray, " sample"]]
    """Function that returns the sound."""
    declared: PeriodicLfo | None = None
    """The LFO whose rate is declared; None if none is."""

    @property
    def has_curves(self) -> bool:
        """Whether the curves of all modulations of a manifest are known."""
        return all(name in self.lfos for name in MODULATIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """All settings that affect the sounds of a folder."""

    renderer: str
    """Name of the renderer, with which file names start."""
    recipe: int
    """Version of the renderer, incremented whenever the same seed gives other sounds."""
    n: int
    """Number of takes."""
    seed: int
    sample_rate: int
    duration_s: float
    source: Mapping[str, str | float | list[int]]
    """What the sounds are made of, by name, such as a wavetable and its hash."""

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, as stored in `render.json`."""
        settings = {name: getattr(self, name) for name in type(self).__slots__ if name != "source"}
        return settings | dict(self.source)


def check_size(*, n: int, seed: int, sample_rate: int, duration_s: float) -> None:
    """Check number, seed, sample rate and length of takes.

    Raises:
        ConfigError: one of them is out of range.
    """
    if n < 1:
        raise ConfigError(f"a render makes at least 1 sound; got n={n}")
    if seed < 0:
        raise ConfigError(f"a seed is 0 or above; got {seed}")
    if not 16_000 <= sample_rate <= 96_000:
        raise ConfigError(f"sounds are rendered at 16000 to 96000 Hz; got {sample_rate}")
    if not 0.1 <= duration_s <= 30:
        raise ConfigError(f"a sound lasts 0.1 to 30 s; got {duration_s:g}")


def fill_folder(
    out: Path,
    settings: RenderSettings,
    take: Callable[[int], Take],
    on_progress: Callable[[int, int], None] | None = None,
) -> RenderSummary:
    """Render the missing takes of a folder as 24-bit mono wav files and write what lists them.

    A folder with the same settings is completed. If it has a list, each sound is checked against it and rendered again
    if it has changed; if the list is damaged, all sounds are.

    Args:
        out: The folder.
        settings: All settings that affect the sounds.
        take: The take of a number from 0 to `settings.n` - 1.
        on_progress: Called with the numbers of finished and of all takes.

    Raises:
        DataError: the folder has other content, or cannot be written.
    """
    started = time.monotonic()
    _check_or_mark_folder(out, settings)
    recorded = _recorded_hashes(out)
    sounds, n_rendered = dict[Path, Take](), 0
    try:
        for number in range(settings.n):
            current = take(number)
            path = out / f"{settings.renderer}_{number:05d}.wav"
            # A file with its final name is complete; if there is a list, its hash must match as well.
            is_complete = recorded is not None and is_regular_file(path)
            if recorded is None or not is_complete or recorded.get(path.name, _sha256(path)) != _sha256(path):
                _write_wav(path, current.render(), settings.sample_rate)
                n_rendered += 1
            sounds[path] = current
            if on_progress is not None:
                on_progress(number + 1, settings.n)
        _write_lists(out, sounds, settings)
    except (OSError, soundfile.SoundFileError) as error:
        raise DataError(
            f"cannot render into {printable(out)}: {reason(error)}; make room or choose another folder; "
            "the same command completes it"
        ) from error
    return RenderSummary(folder=out, n_files=settings.n, n_rendered=n_rendered, seconds=time.monotonic() - started)


def _check_or_mark_folder(out: Path, settings: RenderSettings) -> None:
    """Write `render.json` into an empty folder, or check that it has these settings.

    Raises:
        DataError: the folder has other settings or other content, or cannot be written.
    """
    expected = settings.as_dict()
    settings_path = out / SETTINGS_NAME
    try:
        out.mkdir(parents=True, exist_ok=True)
        if settings_path.is_file():
            stored = json.loads(read_regular(settings_path, _MAX_SETTINGS_BYTES))
            if stored != expected:
                differing = [
                    key for key in expected if not isinstance(stored, dict) or stored.get(key) != expected[key]
                ]
                raise DataError(
                    f"a folder holds one render, and {printable(out)} has another one (it differs in "
                    f"{', '.join(differing) or 'other entries'}); "
                    "choose another folder or remove it"
                )
            return
        if any(not path.name.startswith(".") for path in out.iterdir()):
            raise DataError(
                f"a render needs an empty folder; {printable(out)} holds something else; choose another folder"
            )
        write_atomically(settings_path, json.dumps(expected, indent=1).encode())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot render into {printable(out)}: {reason(error)}; choose another folder") from error


def _recorded_hashes(out: Path) -> dict[str, str] | None:
    """Hash of each sound by file name from what lists them; empty if nothing does, None if it is damaged."""
    manifest = out / MANIFEST_NAME
    if not is_regular_file(manifest):
        return recorded_hashes(out) if is_regular_file(out / METADATA_NAME) else {}
    try:
        return {row.file: row.sha256 for row in read_manifest(manifest)}
    except DataError:
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_wav(path: Path, audio: Float[ndarray, " sample"], sample_rate: int) -> None:
    peak = float(np.abs(audio).max())
    if not peak < 1:
        raise DataError(f"the sound for {path.name} has a peak of {peak:g}, which a 24-bit file cannot hold")
    with atomic_path(path) as temporary:
        # Not float, for which libsndfile writes the time of day into the file.
        soundfile.write(temporary, audio, sample_rate, subtype="PCM_24", format="WAV")


def _write_lists(out: Path, sounds: Mapping[Path, Take], settings: RenderSettings) -> None:
    """Write `metadata.csv`, the manifest, or both."""
    have_curves = all(take.has_curves for take in sounds.values())
    if not have_curves or any(take.declared is not None for take in sounds.values()):
        metadata = [
            metadata_row(
                file=path.name,
                f0_hz=take.f0_hz,
                group=take.patch,
                lfo=take.declared,
                patch_settings=json.dumps(take.patch_settings),
                sha256=_sha256(path),
            )
            for path, take in sounds.items()
        ]
        write_rows(out, metadata)
    if have_curves:
        write_manifest(out / MANIFEST_NAME, [_row(path, take, settings) for path, take in sounds.items()])


def _row(path: Path, take: Take, settings: RenderSettings) -> dict[str, object]:
    """The row of a sound in the manifest."""
    n_frames = int(settings.duration_s * FRAME_RATE + 1e-6) + 1
    position = np.arange(n_frames) / FRAME_RATE / settings.duration_s
    row: dict[str, object] = {
        "file": path.name,
        "sha256": _sha256(path),
        "patch": take.patch,
        "f0_hz": take.f0_hz,
        "sample_rate": settings.sample_rate,
        "duration_s": settings.duration_s,
        "frame_rate": FRAME_RATE,
        "seed": settings.seed,
        "patch_settings": json.dumps(take.patch_settings),
    }
    for modulation, lfo in take.lfos.items():
        match lfo:
            case DrawnLfo():
                row[modulation] = lfo.at(position).astype(np.float32)
                points = [value for point in lfo.points for value in point]
                row[f"{modulation}_drawn"] = {"points": points, "powers": lfo.powers}
            case PeriodicLfo():
                row[modulation] = lfo.at(position * settings.duration_s).astype(np.float32)
            case _:
                assert_never(lfo)
    return row
