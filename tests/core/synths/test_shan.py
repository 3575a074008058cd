"""Shan et al.'s synth: one table alone, weights, trained parts and silence of harmonics above Nyquist."""

from dataclasses import replace

import torch

from core.ops.table_read import band_limit, read_table
from core.seeding import initialise
from core.settings.synths import ShanConfig
from core.synths.build import build_synth
from core.synths.shan import Shan
from tests.support.notes import AUDIO, curves_of, note_of


def shan(n_tables: int = 4) -> Shan:
    synth = build_synth(ShanConfig(n_tables=n_tables, table_length=256), AUDIO)
    assert isinstance(synth, Shan)
    initialise(synth, 0)
    return synth


@torch.no_grad()
def test_a_table_with_all_the_weight_sounds_alone() -> None:
    synth, note = shan(), note_of(2)
    controls = synth.controls(curves_of(2))
    only = torch.zeros_like(controls.weights)
    only[..., 2] = 1.0
    controls = replace(controls, weights=only)
    tables = band_limit(synth.tables.table[2:3], note.f0_hz, AUDIO.sample_rate, synth.read_length)
    position = torch.zeros(2, AUDIO.n_frames)
    alone = read_table(tables, position, note.f0_hz, note.phase, AUDIO.n_samples, AUDIO.sample_rate, AUDIO.hop_length)
    expected = synth.filter(alone, controls.filter, controls.amplitude)
    torch.testing.assert_close(synth.render(controls, note), expected, atol=1e-6, rtol=1e-4)


def test_weights_sum_to_one_and_follow_the_curve() -> None:
    synth = shan(16)
    low, high = (synth.controls(torch.full((1, 3, AUDIO.n_frames), value)).weights for value in (0.0, 1.0))
    torch.testing.assert_close(low.sum(-1), torch.ones(1, AUDIO.n_frames))
    assert float((high - low).detach().abs().max()) > 1e-3


def test_its_tables_are_its_own_sound_and_start_as_faint_noise() -> None:
    synth = shan(16)
    (table,) = synth.sound_parameters()
    assert table.shape == (16, 256)
    assert abs(float(table.detach().std()) - 0.01) < 0.001
