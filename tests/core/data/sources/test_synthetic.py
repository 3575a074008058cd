"""Synthetic modulations: random curves, pitches, reproducibility, and the hash of the wavetable."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from core.data.build import build_source
from core.data.sources.synthetic import RandomCurve, Synthetic, curve_from_segments, draw_curve, evaluate_curves
from core.errors import DataError
from core.seeding import generator
from core.settings.audio import AudioConfig
from core.settings.data import SyntheticDataConfig
from core.wavetables import wavetable_sha256

AUDIO = AudioConfig(duration_s=0.25, hop_length=80)
CONFIG = SyntheticDataConfig(n_train=5, n_validation=3, n_test=4)


def source(**changes: Any) -> Synthetic:
    return Synthetic(replace(CONFIG, **changes), AUDIO)


def test_segments_of_degree_one_are_straight_lines_between_their_values() -> None:
    widths = torch.tensor([1.0, 3.0], dtype=torch.float64)
    values = torch.tensor([0.0, 1.0, 0.5], dtype=torch.float64)
    curve = curve_from_segments(widths, values, 1, 9)
    torch.testing.assert_close(curve, torch.tensor([0, 0.5, 1, *(1 - k / 12 for k in range(1, 7))]).double())


def test_curves_evaluated_together_equal_curves_one_by_one() -> None:
    draw = generator(0, "curves")
    curves = [draw_curve(8, draw) for _ in range(60)]
    together = evaluate_curves(curves, 51)
    for curve, expected in zip(curves, together, strict=True):
        alone = curve_from_segments(curve.widths, curve.values, curve.degree, 51)
        torch.testing.assert_close(alone.float(), expected, atol=1e-6, rtol=0)


def test_random_curves_have_every_shape_and_half_have_equal_widths() -> None:
    draw = generator(0, "curves")
    curves: list[RandomCurve] = [draw_curve(8, draw) for _ in range(600)]
    assert {len(curve.widths) for curve in curves} == set(range(1, 9))
    assert {curve.degree for curve in curves} == {1, 2, 3}
    assert all(len(curve.values) == len(curve.widths) * curve.degree + 1 for curve in curves)
    several = [curve for curve in curves if len(curve.widths) > 1]
    equal = [curve for curve in several if bool((curve.widths == curve.widths[0]).all())]
    assert len(equal) / len(several) == pytest.approx(0.5, abs=0.08)


def test_clips_have_names_pitches_and_true_curves() -> None:
    dataset = source().load()
    assert [len(clips) for clips in (dataset.train, dataset.validation, dataset.test)] == [5, 3, 4]
    ids = [*dataset.train.ids, *dataset.validation.ids, *dataset.test.ids]
    assert ids == [f"synthetic-{number:05d}" for number in range(12)]
    for clips in (dataset.train, dataset.validation, dataset.test):
        assert clips.modulation_names == ("add", "sub", "env")
        assert clips.modulation is not None
        assert clips.modulation.shape == (len(clips), 3, AUDIO.n_frames)
        assert clips.audio.shape == (len(clips), AUDIO.n_samples)
        assert 0 <= float(clips.modulation.min()) <= float(clips.modulation.max()) <= 1
        assert 0 <= float(clips.q.min()) <= float(clips.q.max()) <= 1
        assert CONFIG.min_f0_hz <= float(clips.f0_hz.min()) <= float(clips.f0_hz.max()) <= CONFIG.max_f0_hz
        assert bool((clips.audio.abs().amax(1) > 1e-3).all())


def test_pitches_are_log_uniform() -> None:
    f0_hz = source(max_f0_hz=880.0).clips(range(300)).f0_hz.numpy()
    octaves = np.log2(f0_hz / 110) / 3
    assert np.histogram(octaves, 3, (0, 1))[0] / 300 == pytest.approx(1 / 3, abs=0.1)


def test_clip_depends_on_seed_and_number_only() -> None:
    whole, part = source().clips(range(5)), source(n_train=100, max_segments=8).clips(range(5))
    assert torch.equal(whole.audio, part.audio)
    first, second = source().clips(range(3, 4)), source().clips(range(4, 5))
    assert whole.modulation is not None
    for place, clip in ((3, first), (4, second)):
        assert clip.modulation is not None
        assert torch.equal(clip.modulation[0], whole.modulation[place])
        assert torch.equal(clip.f0_hz[0], whole.f0_hz[place])
        assert torch.equal(clip.q[0], whole.q[place])


def test_data_follow_their_own_seed() -> None:
    first, again, other = (source(seed=seed).load() for seed in (0, 0, 1))
    assert torch.equal(first.test.audio, again.test.audio)
    assert not torch.equal(first.test.audio, other.test.audio)
    assert not set(first.train.ids) & set(first.test.ids)


def test_envelope_of_the_truth_is_heard() -> None:
    clips = source().clips(range(8))
    assert clips.modulation is not None
    env = clips.modulation[:, 2].numpy()
    for audio, curve in zip(clips.audio.numpy(), env, strict=True):
        loudest = np.abs(audio).reshape(AUDIO.n_frames - 1, -1).max(1)
        quiet = curve[:-1] < 0.02
        assert quiet.sum() == 0 or loudest[quiet].max() < 0.25


def test_scan_hashes_the_table_and_counts_the_clips() -> None:
    scan = source(wavetable="drawbars").scan()
    assert scan.sha256 == wavetable_sha256("drawbars")
    assert scan.summary == {"clips": 12, "pitch": "exact"}
    assert scan.issues == ()


def test_table_that_changed_since_planning_is_refused() -> None:
    with pytest.raises(DataError, match="the wavetable sine_to_saw changed since the trial was planned"):
        source(wavetable_sha256="0" * 64).load()
    assert source(wavetable_sha256=wavetable_sha256("sine_to_saw")).load().train.ids


def test_config_builds_its_source() -> None:
    assert isinstance(build_source(CONFIG, AUDIO), Synthetic)
