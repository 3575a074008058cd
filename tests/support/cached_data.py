"""Configs with small data of every kind, and helpers for the cache of data sets."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch

from core.clips import Dataset
from core.data.sources.audio_folder import AudioFolder
from core.data.sources.renders import Renders
from core.data.sources.synthetic import Synthetic
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig, RendersConfig, SyntheticDataConfig
from core.settings.synths import EngelConfig
from core.settings.trial import TrialConfig
from core.training.resolve import resolve
from tests.support.rendered_folder import fill
from tests.support.sounds import write_sound

AUDIO = AudioConfig(duration_s=0.25, hop_length=80)
SPLITS = ("train", "validation", "test")


def synthetic(**changes: Any) -> TrialConfig:
    """A resolved config on ten synthetic clips, with changes of its parts."""
    data = SyntheticDataConfig(n_train=5, n_validation=2, n_test=3)
    return resolve(replace(TrialConfig(device="cpu", audio=AUDIO, data=data), **changes)).config


def audio_folder(folder: Path) -> TrialConfig:
    """A resolved config on six recordings."""
    for note in range(48, 54):
        audio = 0.5 * np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * np.arange(11_025) / 44_100)
        write_sound(folder / f"p{note}_{note}-100.wav", audio, 44_100)
    return synthetic(data=AudioFolderConfig(folder=str(folder), min_files=3), synth=EngelConfig())


def renders(folder: Path) -> TrialConfig:
    """A resolved config on eight renders."""
    fill(folder)
    return synthetic(data=RendersConfig(folder=str(folder), min_files=3), synth=EngelConfig())


CONFIGS: dict[str, Callable[[Path], TrialConfig]] = {
    "synthetic": lambda _: synthetic(),
    "audio_folder": audio_folder,
    "renders": renders,
}
"""By kind of the data, a function that fills a folder and returns a config on it."""


def assert_equal(left: Dataset, right: Dataset) -> None:
    """Both data sets are equal to the bit."""
    for split in SPLITS:
        one, other = getattr(left, split), getattr(right, split)
        assert one.ids == other.ids
        assert one.modulation_names == other.modulation_names
        assert (one.modulation is None) == (other.modulation is None)
        for name in ("audio", "f0_hz", "q", "modulation"):
            if getattr(one, name) is not None:
                torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=0, atol=0)


def entries(cache: Path) -> list[Path]:
    """The cached data sets."""
    return [path for path in _content(cache) if not path.name.startswith(".")]


def hidden_files(cache: Path) -> list[Path]:
    """Locks, and entries that are not finished."""
    return [path for path in _content(cache) if path.name.startswith(".")]


def forbid_loading(patch: pytest.MonkeyPatch) -> None:
    """Make every load of data from their source fail."""

    def refuse(_: object) -> NoReturn:
        raise AssertionError("loaded again")

    for cls in (Synthetic, AudioFolder, Renders):
        patch.setattr(cls, "load", refuse)


def _content(cache: Path) -> list[Path]:
    return sorted((cache / "modstudy" / "data").iterdir())
