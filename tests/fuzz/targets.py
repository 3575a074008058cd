"""What is fuzzed: each target reads a file, or an argument, that came from somebody else."""

import shutil
from pathlib import Path
from typing import ClassVar

import numpy as np
import soundfile

import search_spaces
from core.data.sources.audio_folder import AudioFolder
from core.data.sources.renders import Renders
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig, RendersConfig
from core.wavetables.files import load_wavetable
from tests.fuzz.mutations import damaged_text
from tests.fuzz.study_targets import CheckpointTarget, ClipValuesTarget, CurveFileTarget, PlanTarget, RecordTarget
from tests.fuzz.target import Target, command
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
