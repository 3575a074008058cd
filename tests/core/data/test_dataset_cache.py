"""Prepared data: the same numbers as built ones, built once, shared, and never in a trial's way."""

import json
import logging
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from core.data import dataset_cache as prepared
from core.data.build import build_dataset
from core.data.dataset_cache import cached_dataset
from core.errors import DataError
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig, RendersConfig, SyntheticDataConfig
from core.settings.loading import to_settings
from core.settings.synths import EngelConfig
from core.settings.trial import TrialConfig
from core.training.resolve import resolve
from core.training.trainer import fit
from tests.core.data.sources.test_renders import fill

AUDIO = AudioConfig(duration_s=0.25, hop_length=80)
BUILD_ELSEWHERE = """
import json, logging, sys, time
from pathlib import Path
import core.data.dataset_cache as prepared
from core.settings.loading import from_settings

config, here = from_settings(json.loads(sys.argv[1])), Path(sys.argv[2])
build = prepared.build_dataset

def counted(config):
    (here / f"built-by-{sys.argv[3]}").touch()
    time.sleep(0.5)
    return build(config)

prepared.build_dataset = counted
(here / f"ready-{sys.argv[3]}").touch()
while not (here / "go").exists():
    time.sleep(0.005)
print(float(prepared.cached_dataset(config).train.audio.double().sum()))
"""


def synthetic(**changes):
    data = SyntheticDataConfig(n_train=5, n_validation=2, n_test=3)
    return resolve(replace(TrialConfig(device="cpu", audio_config=AUDIO, data=data), **changes)).config


def recordings(folder):
    folder.mkdir()
    for note in range(48, 54):
        audio = 0.5 * np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * np.arange(11_025) / 44_100)
        soundfile.write(folder / f"p{note}_{note}-100.wav", audio, 44_100)
    return synthetic(data=AudioFolderConfig(folder=str(folder), min_files=3), synth=EngelConfig())


def renders(folder):
    fill(folder)
    return synthetic(data=RendersConfig(folder=str(folder), min_files=3), synth=EngelConfig())


def config_of(kind, folder):
    return {"synthetic": lambda _: synthetic(), "audio_folder": recordings, "renders": renders}[kind](folder / kind)


KINDS = ("synthetic", "audio_folder", "renders")


def assert_equal(left, right):
    for split in ("train", "validation", "test"):
        one, other = getattr(left, split), getattr(right, split)
        assert one.ids == other.ids
        assert (one.modulation is None) == (other.modulation is None)
        for name in ("audio", "f0_hz", "q", "modulation"):
            if getattr(one, name) is not None:
                torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=0, atol=0)


def entries(cache):
    return sorted((cache / "modstudy" / "data").iterdir())


def refuse(_):
    raise AssertionError("built again")


@pytest.mark.parametrize("kind", KINDS)
def test_prepared_data_equal_built_ones_to_the_bit(tmp_path, monkeypatch, kind):
    config = config_of(kind, tmp_path)
    built = build_dataset(config)
    assert_equal(cached_dataset(config), built)
    monkeypatch.setattr(prepared, "build_dataset", refuse)
    assert_equal(cached_dataset(config), built)


def test_data_are_mapped_and_a_write_stays_private(own_cache):
    config = synthetic()
    first, second = cached_dataset(config), cached_dataset(config)
    (entry,) = entries(own_cache)
    mapped = {}
    for line in Path("/proc/self/maps").read_text().splitlines():
        if str(entry) in line:
            start, end = (int(address, 16) for address in line.split()[0].split("-"))
            mapped[start, end] = line
    for clips in (first.train, first.validation, first.test, second.train):
        for tensor in (clips.audio, clips.f0_hz, clips.q, clips.modulation):
            assert any(start <= tensor.data_ptr() < end for start, end in mapped)
    before = second.train.audio.clone()
    first.train.audio.zero_()
    torch.testing.assert_close(second.train.audio, before, rtol=0, atol=0)
    assert_equal(cached_dataset(config), build_dataset(config))


def test_training_reads_its_clips_only():
    config = synthetic()
    config = replace(config, trainer=replace(config.trainer, max_steps=2, batch_size=2))
    dataset = cached_dataset(config)
    fit(config, config.digest, dataset)
    assert_equal(dataset, build_dataset(config))


def test_the_name_follows_what_decides_the_data_and_nothing_else(tmp_path, own_cache, monkeypatch):
    config = synthetic()
    cached_dataset(config)
    cached_dataset(replace(config, seed=7, trainer=replace(config.trainer, max_steps=1)))
    assert len(entries(own_cache)) == 1
    cached_dataset(replace(config, data=replace(config.data, seed=1)))
    cached_dataset(replace(config, audio_config=replace(AUDIO, hop_length=100)))
    monkeypatch.setattr(prepared, "code_version", lambda: "another")
    cached_dataset(config)
    assert len(entries(own_cache)) == 4

    here = recordings(tmp_path / "here")
    there = replace(here, data=replace(here.data, folder=str(tmp_path / "there")))
    cached_dataset(here)
    (tmp_path / "here").rename(tmp_path / "there")
    cached_dataset(there)
    assert len(entries(own_cache)) == 5


def start(config, folder, name):
    arguments = (json.dumps(to_settings(config)), str(folder), name)
    return subprocess.Popen([sys.executable, "-c", BUILD_ELSEWHERE, *arguments], stdout=subprocess.PIPE, text=True)


def wait_for(*files):
    deadline = time.monotonic() + 120
    while not all(file.exists() for file in files):
        assert time.monotonic() < deadline, f"waited in vain for {files}"
        time.sleep(0.01)


def test_two_processes_that_start_together_build_once(tmp_path, own_cache):
    config = synthetic()
    processes = [start(config, tmp_path, name) for name in ("a", "b")]
    wait_for(tmp_path / "ready-a", tmp_path / "ready-b")
    (tmp_path / "go").touch()
    sums = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sums[0] == sums[1]
    assert len(list(tmp_path.glob("built-by-*"))) == 1
    (entry,) = entries(own_cache)  # neither a lock nor a part is left
    assert not entry.name.startswith(".")


def test_a_killed_builder_blocks_nobody(tmp_path, own_cache):
    config = synthetic()
    (tmp_path / "go").touch()
    process = start(config, tmp_path, "victim")
    wait_for(tmp_path / "built-by-victim")
    assert any(path.suffix == ".lock" for path in entries(own_cache))
    process.kill()
    process.communicate()
    assert_equal(cached_dataset(config), build_dataset(config))
    assert len(entries(own_cache)) == 1


def cut(entry):
    os.truncate(entry / "train.audio.f32", 1000)


def lose_a_file(entry):
    (entry / "test.q.f32").unlink()


def garble_the_index(entry):
    (entry / "index.json").write_bytes(b'{"train": [1, 2')


def empty_the_index(entry):
    (entry / "index.json").write_bytes(b"{}")


def lose_the_index(entry):
    (entry / "index.json").unlink()


@pytest.mark.parametrize("damage", [cut, lose_a_file, garble_the_index, empty_the_index, lose_the_index])
def test_damaged_data_are_made_again_with_a_warning(own_cache, monkeypatch, caplog, damage):
    config = synthetic()
    cached_dataset(config)
    (entry,) = entries(own_cache)
    damage(entry)
    assert_equal(cached_dataset(config), build_dataset(config))
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"data in {entry} are damaged and were made again"
    ]
    monkeypatch.setattr(prepared, "build_dataset", refuse)
    cached_dataset(config)


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch, caplog):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    config = synthetic()
    assert_equal(cached_dataset(config), build_dataset(config))
    assert "data cannot be kept in" in caplog.text


def test_a_full_disk_leaves_the_data_in_memory_and_no_half_behind(own_cache, monkeypatch, caplog):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(prepared.os, "fsync", full)
    config = synthetic()
    assert_equal(cached_dataset(config), build_dataset(config))
    assert "No space left on device" in caplog.text
    assert entries(own_cache) == []


def test_a_read_only_cache_is_read(monkeypatch):
    config = synthetic()
    cached_dataset(config)

    def read_only(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(prepared.os, "utime", read_only)
    monkeypatch.setattr(prepared, "build_dataset", refuse)
    cached_dataset(config)


def test_what_was_not_used_for_longest_makes_room(own_cache, monkeypatch):
    configs = [synthetic(data=SyntheticDataConfig(n_train=5, n_validation=2, n_test=3, seed=s)) for s in range(4)]
    for config in configs[:3]:
        cached_dataset(config)
        time.sleep(0.05)  # a file system's clock may tick that slowly
    size = sum(file.stat().st_size for file in entries(own_cache)[0].iterdir())
    old = cached_dataset(configs[1])  # used again: the first is now the oldest, then the third
    monkeypatch.setattr(prepared, "MAX_BYTES", 2.5 * size)
    cached_dataset(configs[3])
    assert len(entries(own_cache)) == 2
    with monkeypatch.context() as patch:
        patch.setattr(prepared, "build_dataset", refuse)
        for config in (configs[1], configs[3]):
            cached_dataset(config)
        for config in (configs[0], configs[2]):
            with pytest.raises(AssertionError, match="built again"):
                cached_dataset(config)
    monkeypatch.setattr(prepared, "MAX_BYTES", 1)
    kept = cached_dataset(configs[0])
    assert len(entries(own_cache)) == 1  # the one just written stays, however large
    assert_equal(kept, build_dataset(configs[0]))
    assert_equal(old, build_dataset(configs[1]))  # who has mapped what was removed goes on


@pytest.mark.parametrize("kind", ["audio_folder", "renders"])
def test_a_changed_folder_is_refused_although_its_data_are_prepared(tmp_path, kind):
    config = config_of(kind, tmp_path)
    cached_dataset(config)
    sound = min((tmp_path / kind).glob("*.wav"), default=None) or min((tmp_path / kind).glob("*.flac"))
    audio, sample_rate = soundfile.read(sound)
    soundfile.write(sound, 0.5 * audio, sample_rate)
    with pytest.raises(DataError, match="are not those the trial was planned with"):
        cached_dataset(config)


def test_a_source_that_changes_while_it_is_read_is_not_kept(own_cache, monkeypatch):
    config = synthetic()
    sources = iter(("before", "after"))
    monkeypatch.setattr(prepared, "source_sha256", lambda _: next(sources))
    assert_equal(cached_dataset(config), build_dataset(config))
    assert entries(own_cache) == []
