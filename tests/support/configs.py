"""Configs of trials that take a second, and the data behind them."""

from pathlib import Path

from core.clips import Dataset
from core.data.build import build_source
from core.settings.dotted import nest
from core.settings.loading import apply_settings, parse_assignment, preset_named
from core.settings.trial import TrialConfig
from core.training.resolve import resolve

TINY = (
    "audio.duration_s=0.25",
    "audio.hop_length=80",
    "encoder.n_fft=256",
    "encoder.n_mels=16",
    "encoder.width=4",
    "encoder.dilations=[1,2]",
    "encoder.head_hidden=4",
    "data.n_train=12",
    "data.n_validation=4",
    "data.n_test=4",
    "trainer.max_steps=12",
    "trainer.batch_size=4",
    "trainer.validate_every=4",
    "trainer.checkpoint_every=5",
    "device=cpu",
)
GREY_BOX = ("synth.oscillator.kind=learnable", "synth.oscillator.table_length=64", "synth.filter.kind=learned")


def configured(*assignments: str, preset: str = "small") -> TrialConfig:
    """A preset with assignments such as `seed=3`, not resolved."""
    return apply_settings(preset_named(preset), nest(map(parse_assignment, assignments)))


def tiny(*assignments: str) -> TrialConfig:
    """A resolved config that trains in a second, with assignments on top."""
    return resolve(configured(*TINY, *assignments)).config


def tiny_on_folder(kind: str, folder: Path, *assignments: str) -> TrialConfig:
    """As `tiny`, on the sounds of a folder instead of synthetic ones."""
    shared = (assignment for assignment in TINY if not assignment.startswith("data."))
    data = (f"data.kind={kind}", f"data.folder={folder}", "data.min_files=3")
    return resolve(configured(*shared, *data, *assignments)).config


def dataset_of(config: TrialConfig) -> Dataset:
    """The three splits of a trial's data, not from the cache."""
    return build_source(config.data, config.audio).load()
