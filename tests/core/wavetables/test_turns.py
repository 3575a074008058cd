"""Wavetables in turn, by the seed of the trial."""

from dataclasses import replace

import pytest
import torch

from core.data.dataset_cache import cached_dataset
from core.settings.data import SyntheticDataConfig
from core.settings.synths import EngelConfig, ModSynthConfig
from core.settings.trial import TrialConfig
from core.synths.mod_synth import ModSynth
from core.training.model import build_model
from core.training.resolve import resolve
from core.wavetables import BUILTIN_WAVETABLES, load_wavetable
from core.wavetables.turns import with_wavetable_of_seed
from tests.support.configs import tiny

NAMES = tuple(BUILTIN_WAVETABLES)


@pytest.fixture(scope="module")
def config() -> TrialConfig:
    return resolve(tiny("data.wavetable=in_turn", "synth.oscillator.wavetable=data")).config


def test_ten_seeds_have_the_ten_tables_and_one_arm(config: TrialConfig) -> None:
    trials = [replace(config, seed=seed) for seed in range(11)]
    tables = [with_wavetable_of_seed(trial).data.true_wavetable for trial in trials]
    assert tables == [*NAMES, NAMES[0]]
    assert len({trial.arm_sha256 for trial in trials}) == 1
    assert all(trial.is_white_box for trial in trials)


def test_data_and_synth_of_a_trial_have_the_same_table(config: TrialConfig) -> None:
    trial = replace(config, seed=3)
    synth = build_model(trial).synth
    assert isinstance(synth, ModSynth)
    assert torch.equal(synth.oscillator.table, load_wavetable(NAMES[3]))
    assert isinstance(config.data, SyntheticDataConfig)
    alone = replace(config.data, wavetable=NAMES[3])
    expected = cached_dataset(resolve(replace(config, data=alone, synth=ModSynthConfig())).config)
    assert torch.equal(cached_dataset(trial).test.audio, expected.test.audio)


def test_other_configs_stay_as_they_are(config: TrialConfig) -> None:
    plain = replace(config, data=SyntheticDataConfig(), synth=EngelConfig(), seed=3)
    assert with_wavetable_of_seed(plain) is plain
