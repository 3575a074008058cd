"""Synthetic modulations: random curves, pitches, reproducibility, and the hash of the wavetable."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from core.data.build import build_source
from core.data.sources.synthetic import (
    RandomCurve,
    Synthetic,
    curve_from_segments,
    draw_curve,
    draw_lfo_curve,
    evaluate_curves,
)
from core.data.vital_lfos import named_shapes, named_shapes_sha256, shapes_sha256
from core.errors import ConfigError, DataError
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


@pytest.mark.parametrize("segment_widths", ["half_random", "mixed"])
def test_random_curves_have_every_shape(segment_widths: Literal["half_random", "mixed"]) -> None:
    draw = generator(0, "curves")
    curves: list[RandomCurve] = [draw_curve(8, draw, segment_widths) for _ in range(600)]
    assert {len(curve.widths) for curve in curves} == set(range(1, 9))
    assert {curve.degree for curve in curves} == {1, 2, 3}
    assert all(len(curve.values) == len(curve.widths) * curve.degree + 1 for curve in curves)
    assert all(float(curve.widths.sum()) == pytest.approx(1) for curve in curves)
    several = [curve for curve in curves if len(curve.widths) > 1]
    equal = [curve for curve in several if bool((curve.widths == curve.widths[0]).all())]
    expected = {"half_random": 0.0, "mixed": 0.5}[segment_widths]
    assert len(equal) / len(several) == pytest.approx(expected, abs=0.08)


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
    assert whole.modulation is not None
    for place in (3, 4):
        clip = source().clips(range(place, place + 1))
        assert clip.modulation is not None
        assert torch.equal(clip.modulation[0], whole.modulation[place])
        assert torch.equal(clip.f0_hz[0], whole.f0_hz[place])
        assert torch.equal(clip.q[0], whole.q[place])
        torch.testing.assert_close(clip.audio[0], whole.audio[place], atol=1e-5, rtol=0)


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
    assert scan.sha256 == source(wavetable="drawbars").scan().sha256 != source().scan().sha256
    assert scan.summary == {"clips": 12, "pitch": "exact"}
    assert scan.issues == ()


def test_table_that_changed_since_planning_is_refused() -> None:
    with pytest.raises(DataError, match="the wavetable sine_to_saw changed since the trial was planned"):
        source(wavetable_sha256="0" * 64, test_modulations_sha256=named_shapes_sha256("random")).load()
    planned = {"wavetable_sha256": wavetable_sha256("sine_to_saw"), "test_modulations_sha256": shapes_sha256(())}
    assert source(**planned).load().train.ids


def test_config_builds_its_source() -> None:
    assert isinstance(build_source(CONFIG, AUDIO), Synthetic)


class TestLfoShapes:
    """Test clips with LFO shapes as curves."""

    def test_only_test_clips_play_them(self) -> None:
        random, with_shapes = source().load(), source(test_modulations="lfo_shapes").load()
        assert torch.equal(random.train.audio, with_shapes.train.audio)
        assert torch.equal(random.validation.audio, with_shapes.validation.audio)
        assert torch.equal(random.test.f0_hz, with_shapes.test.f0_hz)
        shapes = [shape.frames(AUDIO.n_frames).astype(np.float32) for shape in named_shapes("lfo_shapes")]
        assert with_shapes.test.modulation is not None
        curves = with_shapes.test.modulation.flatten(0, 1).numpy()
        assert all(any(np.array_equal(curve, shape) for shape in shapes) for curve in curves)
        assert len({curve.tobytes() for curve in curves}) > 6, "each curve draws its own shape"

    def test_shape_of_a_clip_depends_on_its_number_only(self) -> None:
        shapes = named_shapes("lfo_shapes")
        whole, part = source().clips(range(8), shapes).modulation, source().clips(range(5, 7), shapes).modulation
        assert whole is not None
        assert part is not None
        assert torch.equal(whole[5:7], part)

    def test_they_repeat(self) -> None:
        once, thrice = (
            source(test_modulations="lfo_shapes", test_cycles=cycles).load().test.modulation for cycles in (1, 3)
        )
        assert once is not None
        assert thrice is not None
        n = AUDIO.n_frames - 1
        assert n % 3 == 2, "frames of the cycles fall on other positions"
        torch.testing.assert_close(once[..., ::3], thrice[..., : n // 3 + 1])
        assert torch.equal(once[..., -1], thrice[..., -1])

    def test_they_come_from_a_folder_and_its_content_is_hashed(self, tmp_path: Path) -> None:
        saw = {"points": [0, 1, 1, 0], "powers": [0, 0]}
        (tmp_path / "saw.vitallfo").write_text(json.dumps(saw))
        config = source(test_modulations=str(tmp_path))
        curves, before = config.load().test.modulation, config.scan().sha256
        assert curves is not None
        torch.testing.assert_close(curves[0, 0], torch.linspace(0, 1, AUDIO.n_frames))
        (tmp_path / "saw.vitallfo").write_text(json.dumps(saw | {"powers": [3, 0]}))
        assert config.scan().sha256 != before

    def test_folder_that_changed_since_planning_is_refused(self) -> None:
        planned = {"wavetable_sha256": wavetable_sha256("sine_to_saw"), "test_modulations_sha256": shapes_sha256(())}
        with pytest.raises(DataError, match="or the LFO shapes lfo_shapes changed since the trial was planned"):
            source(test_modulations="lfo_shapes", **planned).load()

    def test_folder_without_shapes_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"has 1 to 10000 .vitallfo files"):
            source(test_modulations=str(tmp_path)).scan()

    def test_cycles_need_shapes_and_frames(self) -> None:
        with pytest.raises(ConfigError, match="data.test_cycles repeats LFO shapes"):
            replace(CONFIG, test_cycles=2).check(AUDIO)
        replace(CONFIG, test_cycles=6, test_modulations="lfo_shapes").check(AUDIO)
        with pytest.raises(ConfigError, match="lower it to 6 or lower audio.hop_length"):
            replace(CONFIG, test_cycles=7, test_modulations="lfo_shapes").check(AUDIO)


class TestLfos:
    def test_a_sine_has_the_rate_that_is_asked_for(self) -> None:
        audio = AudioConfig(sample_rate=16_000, duration_s=1.0, hop_length=32)
        curve = draw_lfo_curve((40.0, 40.0), audio, generator(0, "test"))
        assert int(torch.fft.rfft(curve[:-1] - curve[:-1].mean()).abs().argmax()) == 40

    def test_rates_lie_in_their_range_and_values_in_0_to_1(self) -> None:
        audio = AudioConfig(sample_rate=16_000, duration_s=4.0, hop_length=64)
        curves = torch.stack([draw_lfo_curve((2.0, 8.0), audio, generator(number, "test")) for number in range(200)])
        assert 0 <= float(curves.min()) < 0.01
        assert 0.99 < float(curves.max()) <= 1
        ranges = curves.amax(1) - curves.amin(1)
        assert pytest.approx(float(ranges.min()), abs=0.02) == 0.3
        peaks = torch.fft.rfft(curves - curves.mean(1, keepdim=True)).abs().argmax(1) / audio.duration_s
        assert 2 <= float(peaks.min()) < 2.5
        assert 7 < float(peaks.max()) <= 8

    def test_clips_play_them_and_rates_above_half_the_frame_rate_are_refused(self) -> None:
        lfos = source(curves="lfos").load().test.modulation
        splines = source().load().test.modulation
        assert lfos is not None
        assert splines is not None
        assert not torch.equal(lfos, splines)
        with pytest.raises(ConfigError, match="LFOs need data.min_lfo_hz <= data.max_lfo_hz < "):
            replace(CONFIG, curves="lfos", max_lfo_hz=AUDIO.frame_rate / 2).check(AUDIO)
        with pytest.raises(ConfigError, match="got 9 and 8"):
            replace(CONFIG, curves="lfos", min_lfo_hz=9.0).check(AUDIO)
