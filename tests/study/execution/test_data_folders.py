"""Data folders reach machines that lack them through the store of the study."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.data.folder_copies import copy_of
from core.errors import DataError
from core.settings.data import AudioFolderConfig
from core.settings.loading import from_settings, to_settings
from core.settings.oscillators import FrozenWavetableConfig, LearnableWavetableConfig
from core.settings.presets import SMALL
from core.settings.synths import ModSynthConfig
from core.storage.store import Store
from core.training.resolve import check_contents, resolve
from study.execution.data_folders import fetch_folder, store_folder
from tests.support.sounds import write_named_notes, write_sound
from tests.support.stores import STORES


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return STORES[request.param](tmp_path)


@pytest.fixture
def settings(tmp_path: Path, own_cache: Path) -> dict[str, Any]:
    assert not list(own_cache.iterdir())
    write_named_notes(tmp_path / "sounds", range(48, 60))
    data = AudioFolderConfig(folder=str(tmp_path / "sounds"))
    synth = ModSynthConfig(oscillator=LearnableWavetableConfig())
    return dict(to_settings(resolve(replace(SMALL.config, data=data, synth=synth)).config))


def test_a_folder_that_is_gone_comes_from_the_store(store: Store, settings: dict[str, Any]) -> None:
    copy = copy_of(settings["data"]["manifest_sha256"])
    store_folder(store, settings["data"])
    fetch_folder(store, settings["data"])
    assert not copy.exists(), "the folder is there"
    shutil.rmtree(settings["data"]["folder"])
    fetch_folder(store, settings["data"])
    assert len(list(copy.iterdir())) == 12
    check_contents(from_settings(settings))


def test_nothing_happens_without_an_archive_or_a_folder(store: Store, settings: dict[str, Any]) -> None:
    shutil.rmtree(settings["data"]["folder"])
    fetch_folder(store, settings["data"])
    fetch_folder(store, to_settings(resolve(SMALL.config).config)["data"])
    assert not copy_of(settings["data"]["manifest_sha256"]).exists()


def test_another_wavetable_of_the_synth_is_noticed(tmp_path: Path) -> None:
    table = np.sin(2 * np.pi * np.arange(4 * 2048) / 2048).astype("float32")
    path = tmp_path / "table.wav"
    write_sound(path, table * np.linspace(0.5, 1, len(table)))
    synth = ModSynthConfig(oscillator=FrozenWavetableConfig(wavetable=str(path)))
    config = resolve(replace(SMALL.config, synth=synth)).config
    check_contents(config)
    write_sound(path, table * np.linspace(1, 0.5, len(table)))
    with pytest.raises(DataError, match="the wavetable of the synth changed since the trial was planned; restore it"):
        check_contents(config)
