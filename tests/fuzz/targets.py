"""What is fuzzed: each target reads a file, or an argument, that came from somebody else.

A target lets modstudy's own errors out, which say that the input was refused. Stored files are committed with their
right sizes and hashes: those of a study from somebody else fit too.
"""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow.compute as pc
import soundfile
from hypothesis import strategies as st
from typer.testing import CliRunner

import search_spaces
from core.data.sources.audio_folder import AudioFolder
from core.data.sources.renders import Renders
from core.errors import StudyError
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig, RendersConfig
from core.storage.clip_values import CLIP_VALUES_NAME, read_clip_values
from core.storage.curve_catalog import open_curves
from core.storage.curves import CURVES_NAME, curve_array, read_curves
from core.storage.sealed import seal, seal_json, unseal_json
from core.storage.serialisation import (
    definition_to_json,
    record_from_json,
    record_to_json,
    segment_to_json,
)
from core.storage.store import Store
from core.training.checkpoint import latest_checkpoint, to_bytes
from core.wavetables.files import load_wavetable
from study.cli import app
from tests.fuzz.mutations import damaged_bytes, damaged_text
from tests.support.fake_study import ARMS, fake_study
from tests.support.refusals import clear_line
from tests.support.rendered_folder import fill
from tests.support.sounds import tone, write_named_notes, write_sound

STUDY_FILES = Path(search_spaces.__file__).parent / "studies"
"""The study files that come with modstudy."""
OWN_STUDY = """question = "What does each parameterization cost?"
seeds = [0, 1]
objectives = [{ metric = "audio.mss", direction = "minimize" }]
[config]
trainer.max_steps = 4
[config.data]
n_train = 8
n_validation = 4
n_test = 4
[[space]]
path = "parameterization.cutoff_hz"
values = [2.0, 4.0, 8.0]
[[arms]]
name = "spline"
config = { parameterization = { kind = "spline", n_segments = 8 } }
[search]
arms_per_cell = 4
sampler = { kind = "quasi_random" }
[[search.space]]
path = "optimizer.lr"
low = 1e-4
high = 1e-1
log = true
[margins]
"audio.mss" = 0.02
"""


VARIED_WIDTH = """question = "How wide?"
[[space]]
path = "encoder.width"
values = [8, 16]
"""
Damage = Callable[[Sequence[bytes]], st.SearchStrategy[bytes]]


class Target(ABC):
    """Something that reads an input."""

    originals: Sequence[bytes]
    """Inputs that are accepted; the others are made by damaging these."""
    damage: Damage = staticmethod(damaged_bytes)
    """How inputs are damaged."""

    @abstractmethod
    def run(self, folder: Path, data: bytes) -> None:
        """Read an input.

        Args:
            folder: Folder for files, which is not emptied between inputs.
            data: The input.

        Raises:
            ModstudyError: the input is refused.
        """


def command(*arguments: str | Path) -> None:
    """Run a command in this process.

    Raises:
        StudyError: the command refuses, by one clear line.
        Exception: anything else that ends it.
    """
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="modstudy")
    if result.exit_code == 0:
        return
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    raise StudyError(clear_line(result))


class StudyFileTarget(Target):
    """A study file, to plan."""

    damage = staticmethod(damaged_text)

    def __init__(self) -> None:
        built_in = [(STUDY_FILES / f"{name}.toml").read_bytes() for name in ("quickstart", "grid", "search")]
        self.originals = [OWN_STUDY.encode(), *built_in]

    def run(self, folder: Path, data: bytes) -> None:
        path = folder / "mine.toml"
        path.write_bytes(data)
        command("plan", path)


class AssignmentTarget(Target):
    """An argument of `--set`."""

    damage = staticmethod(damaged_text)

    ASSIGNMENTS: ClassVar = [
        "trainer.max_steps=50",
        "parameterization.cutoff_hz=4.0",
        'synth={kind="mod_synth"}',
        "audio.duration_s=1.5",
        "data.n_train=16",
        "encoder.dilations=[1,1,2,2]",
        "loss.resolutions=[{n_fft=512,hop_length=128,win_length=512}]",
        "optimizer.lr=1e-2",
    ]

    def __init__(self) -> None:
        self.originals = [f"{line}\n".encode() for line in self.ASSIGNMENTS]

    def run(self, folder: Path, data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape").strip("\n")
        path = folder / "varied.toml"
        path.write_text(VARIED_WIDTH)
        command("launch", path, "--dry-run", "--root", folder / "runs", "--set", text)


class AudioTarget(Target):
    """A sound in a folder of recordings."""

    FORMATS: ClassVar = (
        ("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "DOUBLE"), ("WAV", "GSM610"), ("WAV", "IMA_ADPCM"),
        ("AIFF", "PCM_16"), ("AIFF", "PCM_24"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"),
    )  # fmt: skip

    def __init__(self) -> None:
        sounds = []
        for kind, subtype in self.FORMATS:
            path = Path(f"sound.{kind.lower()}")
            soundfile.write(path, 0.3 * tone(seconds=0.3), 16_000, format=kind, subtype=subtype)
            sounds.append(path.read_bytes())
            path.unlink()
        self.originals = sounds

    def run(self, folder: Path, data: bytes) -> None:
        sounds = folder / "sounds"
        if not sounds.exists():
            sounds.mkdir()
            write_named_notes(sounds)
        for suffix in (".wav", ".aiff", ".flac", ".ogg"):
            (sounds / f"strange C4{suffix}").unlink(missing_ok=True)
        suffix = {b"FORM": ".aiff", b"fLaC": ".flac", b"OggS": ".ogg"}.get(data[:4], ".wav")
        (sounds / f"strange C4{suffix}").write_bytes(data)
        source = AudioFolder(AudioFolderConfig(folder=str(sounds), min_files=3), AudioConfig(duration_s=0.3))
        dataset = source.load()
        if not all(bool(split.audio.isfinite().all()) for split in (dataset.train, dataset.validation, dataset.test)):
            raise AssertionError("a sound that is not finite was accepted")


class MetadataTarget(Target):
    """The table `metadata.csv` of a folder of recordings."""

    damage = staticmethod(damaged_text)

    def __init__(self) -> None:
        self.originals = [
            b"file,f0_hz,group,lfo_hz\nlow.wav,110,a,2\nhigh.wav,440.5,b,\n",
            b"file,note\nlow.wav,A2\nhigh.wav,C#5\n",
        ]

    def run(self, folder: Path, data: bytes) -> None:
        sounds = folder / "sounds"
        if not sounds.exists():
            sounds.mkdir()
            write_named_notes(sounds)
            for name in ("low.wav", "high.wav"):
                write_sound(sounds / name, 0.5 * tone(seconds=0.3))
        (sounds / "metadata.csv").write_bytes(data)
        AudioFolder(AudioFolderConfig(folder=str(sounds), min_files=3), AudioConfig(duration_s=0.3)).scan()


class WavetableTarget(Target):
    """A wavetable file."""

    def __init__(self) -> None:
        cycles = np.sin(2 * np.pi * np.arange(4 * 2048) / 2048) * 0.5
        tables = []
        for subtype in ("PCM_16", "FLOAT"):
            path = Path("table.wav")
            soundfile.write(path, cycles, 44_100, subtype=subtype)
            tables.append(path.read_bytes())
            path.unlink()
        clm = b"clm " + (48).to_bytes(4, "little") + b"<!>2048 10000000 wavetable".ljust(48)
        tables.append(tables[0][:36] + clm + tables[0][36:])
        self.originals = tables

    def run(self, folder: Path, data: bytes) -> None:
        path = folder / "table.wav"
        path.write_bytes(data)
        table = load_wavetable(str(path))
        if not bool(table.isfinite().all()):
            raise AssertionError("a table that is not finite was accepted")


class ManifestTarget(Target):
    """The manifest of a folder of renders."""

    def __init__(self) -> None:
        self._folder = Path("renders").absolute()
        shutil.rmtree(self._folder, ignore_errors=True)
        fill(self._folder)
        self.originals = [(self._folder / "manifest.parquet").read_bytes()]

    def run(self, folder: Path, data: bytes) -> None:
        del folder
        (self._folder / "manifest.parquet").write_bytes(data)
        source = Renders(RendersConfig(folder=str(self._folder), min_files=3), AudioConfig(duration_s=0.5))
        dataset = source.load()
        if not bool(dataset.train.audio.isfinite().all()):
            raise AssertionError("a sound that is not finite was accepted")


def sealed(data: bytes) -> bytes:
    """JSON with the seal that fits it; content that is no object stays as it is."""
    return seal_json(data) if data.rstrip().endswith(b"}") else data


class StudyTarget(Target):
    """A file of a finished study."""

    def __init__(self) -> None:
        folder = Path("studies").absolute()
        shutil.rmtree(folder, ignore_errors=True)
        self.store: Store = fake_study(folder / "fake", ARMS[:3], seeds=2)
        self.root = folder
        self.digest = self.store.plan().trials[0].digest
        committed = self.store.committed(self.digest)
        assert committed is not None
        self.committed = committed
        self.record = committed.record()

    def commit_with(self, name: str, data: bytes) -> None:
        """Write a new attempt at the trial, in which one file has other content."""
        for attempt in self.store.attempts(self.digest):
            if attempt.name != self.committed.name:
                shutil.rmtree(Path(self.store.root) / attempt.key("").rstrip("/"))
        attempt = self.store.begin(self.digest)
        for other in self.committed.all_names():
            if other not in ("record.json", name):
                attempt.put(other, self.committed.get(other))
        attempt.put(name, data)
        attempt.commit(replace(self.record, attempt=attempt.name))


class RecordTarget(StudyTarget):
    """The record of a trial."""

    def __init__(self) -> None:
        super().__init__()
        self._original = record_to_json(self.record)
        self.originals = [unseal_json(self._original)]

    def run(self, folder: Path, data: bytes) -> None:
        del folder
        key = self.committed.key("record.json")
        self.store.put(key, sealed(data))
        try:
            record_from_json(sealed(data))
        finally:
            command("status", "fake", "--root", self.root, "--trials")
            command("list", "--root", self.root)
            self.store.put(key, self._original)


class PlanTarget(StudyTarget):
    """The definition of a study, or a segment of its plan."""

    def __init__(self) -> None:
        super().__init__()
        plan = self.store.plan()
        segments = [replace(segment, arms=()) for segment in plan.segments]
        self.originals = list(map(unseal_json, [definition_to_json(plan.definition), *map(segment_to_json, segments)]))

    def run(self, folder: Path, data: bytes) -> None:
        del folder
        keys = ["plan/0002.json", "plan-copy/0002.json"] if b'"stage"' in data else ["study.json", "study-copy.json"]
        before = {key: self.store.get(key) if self.store.has(key) else None for key in keys}
        for key in keys:
            self.store.put(key, sealed(data))
        try:
            command("list", "--root", self.root)
            command("status", "fake", "--root", self.root)
        finally:
            for key, content in before.items():
                if content is None:
                    self.store.drop(key)
                else:
                    self.store.put(key, content)


class CurveFileTarget(StudyTarget):
    """A file with recovered curves."""

    def __init__(self) -> None:
        super().__init__()
        self.originals = [self.committed.get(CURVES_NAME)]

    def run(self, folder: Path, data: bytes) -> None:
        del folder
        self.commit_with(CURVES_NAME, data)
        table = read_curves(self.store, [self.digest])
        for modulation in pc.unique(table["modulation"]).to_pylist():
            rows = table.filter(pc.equal(table["modulation"], modulation))
            for column in ("target", "estimate", "projection"):
                curves = curve_array(rows[column])
                if curves is not None:
                    curves.sum()
        for batch in open_curves(self.store).batches():
            batch.rows.to_pylist()


class ClipValuesTarget(StudyTarget):
    """A file with the values of metrics per clip."""

    def __init__(self) -> None:
        self.store = fake_study(Path("clip-values").absolute() / "fake", [replace(ARMS[0], n_flat=2)], seeds=1)
        self.digest = self.store.plan().trials[0].digest
        committed = self.store.committed(self.digest)
        assert committed is not None
        self.committed, self.record = committed, committed.record()
        self.originals = [committed.get(CLIP_VALUES_NAME)]

    def run(self, folder: Path, data: bytes) -> None:
        del folder
        self.commit_with(CLIP_VALUES_NAME, data)
        committed = self.store.committed(self.digest)
        assert committed is not None
        values = read_clip_values(committed)
        assert values is not None
        for column in values.columns.values():
            column.sum()


class CheckpointTarget(Target):
    """The checkpoint of an unfinished trial."""

    def __init__(self) -> None:
        import torch

        content = {
            "digest": "0" * 16, "step": 4, "model": {"weight": torch.ones(3)}, "optimizers": [{"state": {}}],
            "best_model": {"weight": torch.ones(3)}, "best_step": 2, "best_loss": 0.5, "history": [{"step": 2.0}],
            "recent_losses": [0.5], "elapsed_s": 1.0,
        }  # fmt: skip
        self.originals = [to_bytes(content)]

    def run(self, folder: Path, data: bytes) -> None:
        store = Store(folder / "store")
        store.put(f"trials/{'0' * 16}/0001-abcdef/checkpoint-00000004.pt", seal(data))
        latest_checkpoint(store, "0" * 16)


TARGETS: dict[str, type[Target]] = {
    "study-file": StudyFileTarget,
    "set": AssignmentTarget,
    "audio": AudioTarget,
    "metadata": MetadataTarget,
    "wavetable": WavetableTarget,
    "manifest": ManifestTarget,
    "record": RecordTarget,
    "plan": PlanTarget,
    "curve-file": CurveFileTarget,
    "clip-values": ClipValuesTarget,
    "checkpoint": CheckpointTarget,
}
"""All targets by name."""
