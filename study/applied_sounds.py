"""A trained arm applied to many sound files: a table of all curves, and per sound its curves and its estimate.

    curves.arrow   a row per sound and modulation, in the order of the sounds
    NAME.csv       the curves of a sound at the times of their frames
    NAME.wav       the estimate at the level of the file, in 32-bit floating point

Sounds are taken in batches of `WINDOWS_AT_ONCE` windows, so that memory does not grow with their number.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import soundfile

from core.discovery.sound_reading import NamedFile, Reading, ReadSound, RefusedSound, read_sounds
from core.discovery.trained_arm import WINDOWS_AT_ONCE, AppliedSound, PitchedSound, TrainedArm
from core.errors import DataError
from core.exchange.tables import CurveTable, csv_bytes
from core.modulations import modulation_names
from core.ops.threads import one_thread
from core.settings.value_rules import listed, shown_text
from core.storage.atomic_write import atomic_path
from core.storage.curves import CURVES_NAME, SCHEMA
from core.storage.records import TrialRecord

_SHARED = ("study", "arm", "seed", "digest", "clip_id", "modulation", "f0_hz", "frame_rate", "estimate", "audio_mss")
APPLIED_SCHEMA = pa.schema(
    [
        *(SCHEMA.field(name) for name in _SHARED),
        pa.field("effect_mss", pa.float32(), metadata={"doc": "rise of audio_mss with this curve held at its mean"}),
        pa.field("file", pa.string(), metadata={"doc": "the sound file"}),
        pa.field("pitch_source", pa.string(), metadata={"doc": "given, metadata, file name, tracked or assumed"}),
        pa.field("duration_s", pa.float64(), metadata={"doc": "length of the sound", "unit": "s"}),
        pa.field("gain", pa.float64(), metadata={"doc": "factor that brings the file to a peak of 1"}),
        pa.field("remarks", pa.string(), metadata={"doc": "problems of the file that did not prevent its use"}),
    ]
)
"""Columns of the table: those of a study's curve file but for the truth, and what is known of the sound."""


@dataclass(slots=True)
class Applied:
    """What came of the sounds so far."""

    mss: list[float] = field(default_factory=list)
    """Distance `audio.mss` of each sound."""
    refused: list[RefusedSound] = field(default_factory=list)


def planned_paths(out: Path, files: Sequence[NamedFile], *, sounds: bool) -> list[Path]:
    """All files that may be written for the sounds."""
    endings = (".csv", ".wav") if sounds else (".csv",)
    return [out / CURVES_NAME, *(out / f"{file.id}{ending}" for file in files for ending in endings)]


def check_writable(paths: Sequence[Path], files: Sequence[NamedFile], *, force: bool) -> None:
    """Check that nothing is overwritten: no sound that is read, and without `force` nothing at all.

    Raises:
        DataError: something would be.
    """
    inputs = {os.path.realpath(file.path) for file in files}
    if taken := [path for path in paths if os.path.realpath(path) in inputs]:
        raise DataError(
            f"results never replace the sounds they are of; {shown_text(taken[0])} is one of these; "
            "choose another --out"
        )
    if not force and (taken := [path for path in paths if os.path.lexists(path)]):
        raise DataError(
            f"nothing is overwritten: {listed([str(path) for path in taken[:2]])}"
            f"{f' and {len(taken) - 2:,} more' if len(taken) > 2 else ''} are there; choose another --out, or --force"
        )


def apply_to_files(
    arm: TrainedArm,
    record: TrialRecord,
    files: Sequence[NamedFile],
    reading: Reading,
    out: Path,
    *,
    sounds: bool,
    on_sound: Callable[[Applied, int], None] = lambda _, __: None,
) -> Applied:
    """Apply an arm to sounds and write what comes of them.

    Args:
        arm: The arm.
        record: The record of its trial.
        files: The sounds.
        reading: How they are read.
        out: Folder of the results, which is made.
        sounds: Whether to write estimates.
        on_sound: Called with what came of the sounds so far, and their number, after each batch and refused sound.
    """
    applied, n_done = Applied(), 0
    out.mkdir(parents=True, exist_ok=True)
    path = out / CURVES_NAME
    with (
        one_thread(),  # others read sounds
        atomic_path(path) as temporary,
        pa.OSFile(str(temporary), "wb") as file,
        pa.ipc.new_file(file, APPLIED_SCHEMA) as table,
    ):
        for batch in _batches(arm, read_sounds(files, reading)):
            if isinstance(batch, RefusedSound):
                applied.refused.append(batch)
                n_done += 1
            else:
                results = list(arm.apply([_pitched(each) for each in batch]))
                table.write_batch(_rows(batch, results, arm, record))
                for each, result in zip(batch, results, strict=True):
                    _write_sound(out, each, result, arm, sounds=sounds)
                    applied.mss.append(result.mss)
                n_done += len(batch)
            on_sound(applied, n_done)
    if not applied.mss:
        # An empty table would stand in the way of the next call.
        path.unlink()
    return applied


# ---------------------------------------------------------------------------------------------------------------------


def _batches(arm: TrainedArm, outcomes: Iterator[ReadSound | RefusedSound]) -> Iterator[list[ReadSound] | RefusedSound]:
    """Sounds with at least as many windows as are encoded together, and refused sounds one by one."""
    batch: list[ReadSound] = []
    n_windows = 0
    for outcome in outcomes:
        if isinstance(outcome, RefusedSound):
            yield outcome
            continue
        batch.append(outcome)
        n_windows += len(arm.windows(len(outcome.sound.audio)).starts)
        if n_windows >= WINDOWS_AT_ONCE:
            yield batch
            batch, n_windows = [], 0
    if batch:
        yield batch


def _pitched(each: ReadSound) -> PitchedSound:
    return PitchedSound(id=each.named.id, audio=each.sound.audio, gain=each.sound.gain, f0_hz=each.pitch.f0_hz)


def _rows(
    batch: Sequence[ReadSound], results: Sequence[AppliedSound], arm: TrainedArm, record: TrialRecord
) -> pa.RecordBatch:
    """The rows of a batch of sounds, one per sound and modulation."""
    names = modulation_names(arm.modulations)
    rows = [
        {
            "study": record.study,
            "arm": record.arm,
            "seed": record.seed,
            "digest": record.digest,
            "clip_id": each.named.id,
            "modulation": name,
            "f0_hz": each.pitch.f0_hz,
            "frame_rate": arm.audio.frame_rate,
            "estimate": result.curves[index],
            "audio_mss": result.mss,
            "effect_mss": result.effects[index],
            "file": each.named.file,
            "pitch_source": each.pitch.source,
            "duration_s": each.sound.duration_s,
            "gain": each.sound.gain,
            "remarks": "; ".join(each.sound.remarks),
        }
        for each, result in zip(batch, results, strict=True)
        for index, name in enumerate(names)
    ]
    return pa.RecordBatch.from_pylist(rows, APPLIED_SCHEMA)


def _write_sound(out: Path, each: ReadSound, result: AppliedSound, arm: TrainedArm, *, sounds: bool) -> None:
    """Write the curves of a sound, and its estimate if wanted."""
    curves = dict(zip(modulation_names(arm.modulations), result.curves, strict=True))
    table = CurveTable(name=each.named.id, frame_rate=arm.audio.frame_rate, f0_hz=each.pitch.f0_hz, curves=curves)
    (out / f"{each.named.id}.csv").write_bytes(csv_bytes(table))
    if sounds:
        estimate = result.estimate / np.float32(each.sound.gain)
        soundfile.write(out / f"{each.named.id}.wav", estimate, arm.audio.sample_rate, subtype="FLOAT")
