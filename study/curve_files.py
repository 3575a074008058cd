"""Recovered curves of studies as files for other programs.

    csv, npz   a file per clip: time_s, a column per modulation, and NAME.target where the true curve is known
    arrow      one table curves.arrow of all curves, with the columns of the studies' own curve files
    midi       a file per clip: its note, and a controller per modulation
    vitallfo   a file per curve: an LFO shape of Vital, of at most 100 points
    wav        a file per curve: a control voltage of 0 to 1 in mono, 32-bit floating point at 48 kHz

A synth plays a curve as straight lines between its frames, and so does the wav file. 48 kHz because samplers, DAWs and
modular synths refuse the frame rate of curves, some 100 Hz.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal, assert_never

import numpy as np
import pyarrow as pa
import soundfile
from jaxtyping import Float
from numpy import ndarray

from core.errors import StudyError
from core.exchange.midi import curves_midi
from core.exchange.shapes import fit_shape, vital_lfo_text
from core.exchange.tables import CurveTable, csv_bytes, npz_bytes
from core.settings.value_rules import listed
from core.sound_files import clip_ids
from core.storage.atomic_write import atomic_path
from core.storage.curve_catalog import CurveCatalog
from core.storage.curves import CURVES_NAME, SCHEMA

FileForm = Literal["csv", "npz", "arrow", "vitallfo", "midi", "wav"]
"""Formats of files with curves."""
WAV_RATE = 48_000
"""Sample rate of curves as wav."""
MAX_FILES = 100_000
"""Most files that are written at once."""
Curve = Float[ndarray, " frame"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipCurves:
    """Curves that a trial recovered of a clip."""

    study: str
    arm: str
    seed: int
    clip: str
    f0_hz: float
    frame_rate: float
    estimates: Mapping[str, Curve]
    """Recovered curves by modulation, at least one."""
    targets: Mapping[str, Curve]
    """True curves by modulation, where they are known."""

    @property
    def duration_s(self) -> float:
        """Length of the clip."""
        return (len(next(iter(self.estimates.values()))) - 1) / self.frame_rate


@dataclass(slots=True)
class Written:
    """What was written."""

    n_files: int = 0
    largest_error: float | None = None
    """Largest deviation of an LFO shape from its curve; None without shapes."""


def curves_of_clips(catalog: CurveCatalog) -> Iterator[ClipCurves]:
    """The curves of each clip of each trial.

    Raises:
        StoreError: a curve file has another schema version.
    """
    for file, batches in groupby(catalog.batches(), key=lambda batch: batch.file):
        rows = (row for batch in batches for row in _rows(batch.rows))
        for clip, of_clip in groupby(rows, key=lambda row: row.clip):
            own = list(of_clip)
            if estimates := {row.modulation: row.estimate for row in own if row.estimate is not None}:
                yield ClipCurves(
                    study=file.study,
                    arm=file.arm,
                    seed=file.seed,
                    clip=clip,
                    f0_hz=own[0].f0_hz,
                    frame_rate=own[0].frame_rate,
                    estimates=estimates,
                    targets={row.modulation: row.target for row in own if row.target is not None},
                )


def write_curve_files(
    catalog: CurveCatalog, form: FileForm, out: Path, *, tempo_bpm: float = 120.0, force: bool
) -> Written:
    """Write the curves of a catalog.

    Args:
        catalog: The curves.
        form: Format of the files.
        out: Their folder, which is made.
        tempo_bpm: Tempo of MIDI files in beats per minute.
        force: Whether existing files are overwritten.

    Raises:
        StudyError: there are no curves or too many, or a file exists and `force` is not set.
    """
    paths = _paths(catalog, form, out)
    if not paths:
        raise StudyError("there is no recovered curve to write: the synths of these trials have none of these names")
    if len(paths) > MAX_FILES:
        raise StudyError(
            f"at most {MAX_FILES:,} files are written at once; these curves take more; choose some by --where, or take "
            "--format arrow"
        )
    if not force and (taken := [path for path in paths if path.exists()]):
        more = f" and {len(taken) - 2:,} more" if len(taken) > 2 else ""
        raise StudyError(
            f"nothing is overwritten: {listed([str(path) for path in taken[:2]])}{more} are there; choose another "
            "--out, or --force"
        )
    out.mkdir(parents=True, exist_ok=True)
    if form == "arrow":
        _write_table(catalog, paths[0])
        return Written(n_files=1)
    written = Written()
    for clip in curves_of_clips(catalog):
        for content in _contents(clip, form, tempo_bpm, written):
            paths[written.n_files].write_bytes(content)
            written.n_files += 1
    return written


# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a curve file."""

    clip: str
    modulation: str
    f0_hz: float
    frame_rate: float
    estimate: Curve | None
    target: Curve | None


def _rows(rows: pa.RecordBatch) -> Iterator[_Row]:
    columns = (rows[name] for name in ("clip_id", "modulation", "f0_hz", "frame_rate", "estimate", "target"))
    for clip, modulation, f0_hz, frame_rate, estimate, target in zip(*columns, strict=True):
        yield _Row(
            clip.as_py(), modulation.as_py(), f0_hz.as_py(), frame_rate.as_py(), _curve(estimate), _curve(target)
        )


def _curve(value: pa.ListScalar) -> Curve | None:
    return value.values.to_numpy(zero_copy_only=False) if value.is_valid else None


def _paths(catalog: CurveCatalog, form: FileForm, out: Path) -> list[Path]:
    """The files to write, in the order in which `_contents` gives them."""
    if form == "arrow":
        return [out / CURVES_NAME] if any(True for _ in catalog.batches()) else []
    studies = {file.study for file in catalog.files}
    names = []
    for clip in curves_of_clips(catalog):
        place = f"{clip.study}-" if len(studies) > 1 else ""
        name = f"{place}{clip.arm}-seed{clip.seed}-{clip.clip}"
        names += [f"{name}-{modulation}" for modulation in clip.estimates] if form in _PER_CURVE else [name]
        if len(names) > MAX_FILES:
            break
    # What follows the last point of a name is taken for its ending.
    return [out / f"{name}.{_ENDINGS.get(form, form)}" for name in clip_ids(f"{name}." for name in names)]


_PER_CURVE: tuple[FileForm, ...] = ("vitallfo", "wav")
"""Formats with a file per curve; others have one per clip."""
_ENDINGS: dict[FileForm, str] = {"midi": "mid"}
"""Endings of files that are not called as their format."""


def _contents(clip: ClipCurves, form: FileForm, tempo_bpm: float, written: Written) -> Iterator[bytes]:
    """The content of each file of a clip."""
    name = f"{clip.arm} {clip.seed} {clip.clip}"
    match form:
        case "csv":
            yield csv_bytes(_table(clip, name))
        case "npz":
            yield npz_bytes(_table(clip, name))
        case "midi":
            yield curves_midi(
                clip.estimates, name=name, duration_s=clip.duration_s, f0_hz=clip.f0_hz, tempo_bpm=tempo_bpm
            ).data
        case "vitallfo":
            for modulation, curve in clip.estimates.items():
                fitted = fit_shape(curve, f"{modulation} of {name}")
                written.largest_error = max(written.largest_error or 0.0, fitted.error)
                yield vital_lfo_text(fitted.shape, f"{name} {modulation}").encode()
        case "wav":
            for curve in clip.estimates.values():
                yield control_voltage(curve, clip.frame_rate)
        case "arrow":
            raise AssertionError("all curves are in one table")
        case _:
            assert_never(form)


def _table(clip: ClipCurves, name: str) -> CurveTable:
    """Recovered curves, each followed by the true one where it is known."""
    columns = {}
    for modulation, curve in clip.estimates.items():
        columns[modulation] = curve
        if modulation in clip.targets:
            columns[f"{modulation}.target"] = clip.targets[modulation]
    return CurveTable(name=name, frame_rate=clip.frame_rate, f0_hz=clip.f0_hz, curves=columns)


def control_voltage(curve: Curve, frame_rate: float) -> bytes:
    """A curve as a wav file at `WAV_RATE` that is as long as the sound of the curve."""
    n_samples = max(1, round((len(curve) - 1) / frame_rate * WAV_RATE))
    frames = np.arange(n_samples) * (frame_rate / WAV_RATE)
    values = np.interp(frames, np.arange(len(curve)), curve).astype(np.float32)
    data = io.BytesIO()
    soundfile.write(data, values, WAV_RATE, format="WAV", subtype="FLOAT")
    return data.getvalue()


def _write_table(catalog: CurveCatalog, path: Path) -> None:
    with (
        atomic_path(path) as temporary,
        pa.OSFile(str(temporary), "wb") as file,
        pa.ipc.new_file(file, SCHEMA) as table,
    ):
        for batch in catalog.batches():
            table.write_batch(batch.rows)
