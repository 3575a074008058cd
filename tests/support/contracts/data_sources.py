"""The contract of a data source, and a small example of each kind."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import soundfile
import torch

from core.clips import Clips, Dataset
from core.data.build import build_source
from core.data.lfo_shapes import draw_lfo
from core.data.manifest_columns import MODULATIONS
from core.data.renderers.folder import RenderSettings, Take, fill_folder
from core.errors import DataError
from core.modulations import modulation_names
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig, DataConfig, RendersConfig, SyntheticDataConfig
from core.settings.schema import hash_settings
from core.settings.synths import EngelConfig
from core.settings.trial import TrialConfig
from core.training.resolve import resolve

AUDIO = AudioConfig(sample_rate=16_000, duration_s=0.25, hop_length=125)


@dataclass(frozen=True, slots=True)
class Example:
    """Data of one kind, and which clips belong together."""

    config: DataConfig
    group_of: Callable[[str], str]
    """A clip's group by its id: clips of one group must be in one split."""


def synthetic(_: Path) -> Example:
    config = SyntheticDataConfig(n_train=5, n_validation=3, n_test=4)
    return Example(config, lambda clip_id: clip_id)


def audio_folder(folder: Path) -> Example:
    """Six patches with two notes each, of other overtones: sounds that are alike are one group."""
    time = np.arange(8000) / 16_000
    for overtone, patch in enumerate("abcdef", 2):
        for note, f0_hz in ((57, 220.0), (69, 440.0)):
            tone = 0.3 * np.sin(2 * np.pi * f0_hz * time) + 0.3 * np.sin(2 * np.pi * overtone * f0_hz * time)
            soundfile.write(folder / f"{patch}_{note}-100.wav", tone, 16_000)
    return Example(AudioFolderConfig(folder=str(folder), min_files=3), lambda clip_id: clip_id[0])


def renders(folder: Path) -> Example:
    """Six patches of one sound each, as `modstudy render` writes them."""
    out = folder / "renders"
    settings = RenderSettings(
        renderer="tone",
        recipe=1,
        n=6,
        seed=0,
        sample_rate=16_000,
        duration_s=0.5,
        source={"wavetable": "none"},
    )

    def take(number: int) -> Take:
        rng = np.random.default_rng(number)
        return Take(
            patch=f"patch_{number}",
            f0_hz=220.0,
            lfos={name: draw_lfo(rng) for name in MODULATIONS},
            patch_settings={},
            render=lambda: 0.5 * np.sin(np.arange(8000) * 0.1 + number),
        )

    fill_folder(out, settings, take)
    return Example(RendersConfig(folder=str(out), min_files=3), lambda clip_id: clip_id)


EXAMPLES: dict[type, Callable[[Path], Example]] = {
    SyntheticDataConfig: synthetic,
    AudioFolderConfig: audio_folder,
    RendersConfig: renders,
}
"""Every kind of data source has an example here."""

Check = Callable[[Example], None]


def every_kind() -> tuple[type, ...]:
    return get_args(DataConfig)


def no_clip_and_no_group_is_in_two_splits(example: Example) -> None:
    dataset = _load(example)
    ids = [clip_id for clips in _splits(dataset) for clip_id in clips.ids]
    assert len(set(ids)) == len(ids)
    groups = [{example.group_of(clip_id) for clip_id in clips.ids} for clips in _splits(dataset)]
    for i, left in enumerate(groups):
        assert left, "no split may be empty"
        for right in groups[i + 1 :]:
            assert not left & right, f"{left & right} on both sides of a split"


def clips_have_the_shape_that_the_config_promises(example: Example) -> None:
    names = modulation_names(example.config.true_modulations)
    for clips in _splits(_load(example)):
        assert clips.audio.shape == (len(clips), AUDIO.n_samples)
        assert bool(clips.audio.isfinite().all())
        assert bool(((clips.f0_hz > 0) & (clips.f0_hz < AUDIO.sample_rate / 2)).all())
        assert clips.modulation_names == names
        if names:
            assert clips.modulation is not None
            assert clips.modulation.shape == (len(clips), len(names), AUDIO.n_frames)
            assert bool(((clips.modulation >= 0) & (clips.modulation <= 1)).all())


def loading_twice_gives_the_same_clips(example: Example) -> None:
    for first, again in zip(_splits(_load(example)), _splits(_load(example)), strict=True):
        assert first.ids == again.ids
        assert torch.equal(first.audio, again.audio)


def a_source_that_changed_since_it_was_planned_is_refused(example: Example) -> None:
    planned: Any = resolve(TrialConfig(audio=AUDIO, data=example.config, synth=EngelConfig())).config.data
    assert len(build_source(planned, AUDIO).load().train) > 0
    cls: type = type(planned)
    for field in hash_settings(cls):
        changed: Any = replace(planned, **{field: "0" * 64})
        with pytest.raises(DataError, match="changed since the trial was planned"):
            build_source(changed, AUDIO).load()


CHECKS: tuple[Check, ...] = (
    no_clip_and_no_group_is_in_two_splits,
    clips_have_the_shape_that_the_config_promises,
    loading_twice_gives_the_same_clips,
    a_source_that_changed_since_it_was_planned_is_refused,
)


def _load(example: Example) -> Dataset:
    example.config.check(AUDIO)
    return build_source(example.config, AUDIO).load()


def _splits(dataset: Dataset) -> tuple[Clips, Clips, Clips]:
    return dataset.train, dataset.validation, dataset.test
