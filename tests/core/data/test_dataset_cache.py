"""The cache of data sets: equal to loaded data, memory-mapped, shared and limited in size."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import torch

from core.data import dataset_cache
from core.data.dataset_cache import cached_dataset
from core.data.sources.synthetic import Synthetic
from core.errors import DataError
from core.settings.data import AudioFolderConfig, SyntheticDataConfig
from core.training.trainer import fit
from tests.support.cached_data import (
    AUDIO,
    CONFIGS,
    assert_equal,
    audio_folder,
    entries,
    forbid_loading,
    hidden_files,
    synthetic,
)
from tests.support.configs import dataset_of


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("kind", CONFIGS)
def test_cached_data_equal_loaded_ones_to_the_bit(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = CONFIGS[kind](tmp_path / kind)
    loaded = dataset_of(config)
    assert_equal(cached_dataset(config), loaded)
    forbid_loading(monkeypatch)
    assert_equal(cached_dataset(config), loaded)


def test_data_are_mapped_and_a_write_stays_private(own_cache: Path) -> None:
    config = synthetic()
    first, second = cached_dataset(config), cached_dataset(config)
    (entry,) = entries(own_cache)
    lines = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(entry) in line]
    mapped = [tuple(int(address, 16) for address in line.split()[0].split("-")) for line in lines]
    for clips in (first.train, first.validation, first.test, second.train):
        assert clips.modulation is not None
        for tensor in (clips.audio, clips.f0_hz, clips.q, clips.modulation):
            assert any(start <= tensor.data_ptr() < end for start, end in mapped)
    before = second.train.audio.clone()
    first.train.audio.zero_()
    torch.testing.assert_close(second.train.audio, before, rtol=0, atol=0)
    assert_equal(cached_dataset(config), dataset_of(config))


@pytest.mark.usefixtures("own_cache")
def test_training_writes_into_no_clip() -> None:
    config = synthetic()
    config = replace(config, trainer=replace(config.trainer, max_steps=2, batch_size=2))
    dataset = cached_dataset(config)
    fit(config, config.digest, dataset)
    assert_equal(dataset, dataset_of(config))


def test_entry_is_named_after_what_decides_the_data(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = synthetic()
    cached_dataset(config)
    cached_dataset(replace(config, seed=7, trainer=replace(config.trainer, max_steps=1)))
    assert len(entries(own_cache)) == 1
    cached_dataset(replace(config, data=replace(config.data, seed=1)))
    cached_dataset(replace(config, audio=replace(AUDIO, hop_length=100)))
    monkeypatch.setattr(dataset_cache, "code_version", lambda: "another")
    cached_dataset(config)
    assert len(entries(own_cache)) == 4

    here = audio_folder(tmp_path / "here")
    assert isinstance(here.data, AudioFolderConfig)
    there = replace(here, data=replace(here.data, folder=str(tmp_path / "there")))
    cached_dataset(here)
    (tmp_path / "here").rename(tmp_path / "there")
    cached_dataset(there)
    assert len(entries(own_cache)) == 5


def test_least_recently_used_data_make_room(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = [synthetic(data=SyntheticDataConfig(n_train=5, n_validation=2, n_test=3, seed=s)) for s in range(4)]
    for config in configs[:3]:
        cached_dataset(config)
        time.sleep(0.05)  # a file system's clock may tick that slowly
    size = sum(file.stat().st_size for file in entries(own_cache)[0].iterdir())
    old = cached_dataset(configs[1])  # used again: the first is now the oldest, then the third
    monkeypatch.setattr(dataset_cache, "MAX_BYTES", 2.5 * size)
    cached_dataset(configs[3])
    assert len(entries(own_cache)) == 2
    with monkeypatch.context() as patch:
        forbid_loading(patch)
        for config in (configs[1], configs[3]):
            cached_dataset(config)
        for config in (configs[0], configs[2]):
            with pytest.raises(AssertionError, match="loaded again"):
                cached_dataset(config)
    monkeypatch.setattr(dataset_cache, "MAX_BYTES", 1)
    newest = cached_dataset(configs[0])
    assert len(entries(own_cache)) == 1  # the one just written stays, however large
    assert_equal(newest, dataset_of(configs[0]))
    assert_equal(old, dataset_of(configs[1]))  # a process that has mapped removed data can still read them


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("kind", ["audio_folder", "renders"])
def test_changed_folder_is_refused_although_its_data_are_cached(kind: str, tmp_path: Path) -> None:
    config = CONFIGS[kind](tmp_path / kind)
    cached_dataset(config)
    sound = min((tmp_path / kind).glob("*.wav"))
    audio, sample_rate = soundfile.read(sound)
    soundfile.write(sound, 0.5 * audio, sample_rate)
    with pytest.raises(DataError, match="changed since the trial was planned"):
        cached_dataset(config)


def test_source_that_changes_while_it_is_read_is_not_cached(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = synthetic()
    assert isinstance(config.data, SyntheticDataConfig)
    config = replace(config, data=replace(config.data, wavetable_sha256=None))
    expected = dataset_of(config)
    scan = Synthetic.scan
    hashes = iter(("before", "before", "after"))  # before loading, while loading, after it
    monkeypatch.setattr(Synthetic, "scan", lambda source: replace(scan(source), sha256=next(hashes)))
    assert_equal(cached_dataset(config), expected)
    assert entries(own_cache) == []
    assert [path.suffix for path in hidden_files(own_cache)] == [".lock"]
