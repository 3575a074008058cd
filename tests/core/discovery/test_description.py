"""Curves whose description is known, and how often curves of known rates and random curves are described right."""

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from jaxtyping import Float
from numpy import ndarray

from core.discovery.description import CurveDescription, describe_curve
from core.discovery.shape_fits import cycle
from core.errors import ConfigError, DataError
from tests.support.known_curves import FRAME_RATE, low_passed, time_of

Curve = Float[ndarray, " frame"]


def sine(rate_hz: float, time_s: Curve, phase: float = 0.0) -> Curve:
    return np.asarray(np.sin(2 * math.pi * (rate_hz * time_s + phase)))


def described(values: Curve, tempo_bpm: float = 120.0) -> CurveDescription:
    return describe_curve(values, FRAME_RATE, tempo_bpm)


@pytest.mark.parametrize("phase", [0.0, 0.13, 0.5, 0.9])
def test_a_sine_is_described_exactly(phase: float) -> None:
    found = described(0.5 + 0.3 * sine(5.8, time_of(3.0), phase), 174.0)
    assert found.kind == "LFO"
    assert found.lfo is not None
    assert found.lfo.shape == "sine"
    assert found.lfo.rate_hz == pytest.approx(5.8, rel=1e-4)
    assert found.lfo.depth == pytest.approx(0.6, rel=1e-3)
    assert abs((found.lfo.phase - phase + 0.5) % 1 - 0.5) < 1e-3
    assert found.lfo.offset == pytest.approx(0.5, abs=1e-3)
    assert found.lfo.shape_error < 1e-3
    assert found.lfo.note is not None
    assert (found.lfo.note.name, found.lfo.fade, found.envelope) == ("1/8", None, None)


def test_a_vibrato_over_a_decay_has_both_parts() -> None:
    time_s = time_of(3.0)
    found = described(0.2 + 0.6 * np.exp(-time_s / 0.6) + 0.1 * sine(5.8, time_s))
    assert found.lfo is not None
    assert found.lfo.rate_hz == pytest.approx(5.8, rel=0.01)
    assert found.lfo.depth == pytest.approx(0.2, rel=0.05)
    assert found.envelope is not None
    assert found.envelope.shape == "decay"
    assert found.envelope.ramps[0].bend == "exponential"
    assert found.envelope.ramps[0].time_constant_s == pytest.approx(0.6, rel=0.1)


def test_a_tremolo_that_dies_away_with_the_level_does_not_hide_the_decay() -> None:
    time_s = time_of(3.0)
    found = described(np.exp(-time_s) * (0.7 + 0.3 * sine(5.8, time_s)))
    assert found.lfo is not None
    assert found.lfo.rate_hz == pytest.approx(5.8, rel=0.01)
    assert found.lfo.fade is not None
    assert found.lfo.fade.kind == "decay"
    assert found.lfo.fade.end_s - found.lfo.fade.start_s == pytest.approx(1.0, rel=0.2)
    assert found.envelope is not None
    assert found.envelope.shape == "decay"


def test_an_lfo_that_fades_in_is_found_with_its_times() -> None:
    time_s = time_of(3.0)
    found = described(0.5 + 0.3 * np.clip((time_s - 0.8) / 0.5, 0, 1) * sine(5.8, time_s))
    assert found.lfo is not None
    assert found.lfo.fade is not None
    assert found.lfo.fade.kind == "in"
    assert found.lfo.fade.start_s == pytest.approx(0.8, abs=0.1)
    assert found.lfo.fade.end_s == pytest.approx(1.3, abs=0.1)
    assert found.lfo.depth == pytest.approx(0.6, rel=0.03)


def test_an_lfo_that_begins_late_is_no_steps() -> None:
    time_s = time_of(3.0)
    found = described(np.where(time_s < 1.0, 0.5, 0.5 + 0.3 * sine(4.0, time_s)))
    assert found.lfo is not None
    assert found.lfo.rate_hz == pytest.approx(4.0, rel=0.01)
    assert found.lfo.fade is not None
    assert found.lfo.fade.start_s == pytest.approx(1.0, abs=0.1)


def test_a_curve_of_a_small_range_is_still() -> None:
    found = described(0.5 + 0.02 * sine(5.0, time_of(2.0)))
    assert found.kind == "still"
    assert found.lfo is None
    assert found.mean == pytest.approx(0.5, abs=1e-3)


def test_the_first_and_last_50_ms_do_not_count() -> None:
    values = np.full(257, 0.5)
    values[:6] = values[-6:] = 1.0
    assert described(values).kind == "still"


@pytest.mark.parametrize("smooth", [lambda values: values, lambda values: low_passed(values, 8.0)])
def test_steps_have_levels_and_times(smooth: Callable[[Curve], Curve]) -> None:
    time_s = time_of(3.0)
    found = described(smooth(np.where(time_s < 1, 0.2, np.where(time_s < 1.7, 0.8, 0.4))))
    assert found.kind == "steps"
    assert found.steps is not None
    assert found.steps.levels == pytest.approx((0.2, 0.8, 0.4), abs=0.01)
    assert found.steps.times_s == pytest.approx((1.0, 1.7), abs=0.03)


def test_a_square_lfo_is_no_steps_but_a_single_pulse_is() -> None:
    time_s = time_of(3.0)
    found = described(0.5 + 0.3 * np.sign(sine(1.5, time_s)))
    assert found.lfo is not None
    assert (found.kind, found.lfo.shape) == ("LFO", "square")
    assert described(np.where((time_s > 1) & (time_s < 2), 0.8, 0.2)).kind == "steps"


def test_a_single_cycle_is_no_lfo() -> None:
    assert described(0.5 + 0.4 * sine(1 / 3, time_of(3.0))).kind == "free"


def test_a_description_is_ready_for_json() -> None:
    time_s = time_of(2.0)
    for values in (0.5 + 0.3 * sine(5.8, time_s), np.exp(-time_s), np.where(time_s < 1, 0.2, 0.8), 0 * time_s):
        found = described(values)
        assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["kind"] == found.kind


@settings(max_examples=40)
@given(
    values=st.integers(8, 200).flatmap(lambda n: arrays(np.float64, n, elements=st.floats(0.0, 1.0))),
    frame_rate=st.floats(10.0, 400.0),
    tempo_bpm=st.floats(20.0, 400.0),
)
def test_any_curve_can_be_described(values: Curve, frame_rate: float, tempo_bpm: float) -> None:
    found = describe_curve(values, frame_rate, tempo_bpm)
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert (found.kind == "LFO") == (found.lfo is not None)
    assert (found.kind == "steps") == (found.steps is not None)
    assert found.kind != "envelope" or found.envelope is not None
    if found.lfo is not None:
        assert 0 < found.lfo.rate_hz <= 20
        assert 0 < found.lfo.depth <= 1
        assert 0 <= found.lfo.phase < 1
        assert 0 <= found.lfo.offset <= 1
        assert 0 <= found.lfo.share <= 1
    if found.envelope is not None:
        for ramp in found.envelope.ramps:
            assert 0 <= ramp.from_level <= 1
            assert 0 <= ramp.to_level <= 1
            assert ramp.duration_s > 0
    json.dumps(found.as_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(7), "at least 8 frames; got 7"),
        (np.linspace(0, 2, 50), "lie in 0..1; got 1.02041 at frame 25 and 24 others"),
        (np.array([0.5] * 20 + [np.nan]), "lie in 0..1; got nan at frame 20"),
    ],
)
def test_what_is_no_curve_is_refused(values: Curve, message: str) -> None:
    with pytest.raises(DataError, match=message):
        described(values)


def test_a_frame_rate_and_a_tempo_have_limits() -> None:
    with pytest.raises(DataError, match="positive number of frames per second; got 0"):
        describe_curve(np.zeros(20), 0.0)
    with pytest.raises(ConfigError, match=r"a tempo lies in 20..400 beats per minute; got 1000"):
        describe_curve(np.zeros(20), 100.0, 1000.0)


@pytest.mark.parametrize("rate_hz", [1.3, 3.1])
@pytest.mark.parametrize("shape", ["sine", "triangle", "saw up", "saw down", "square"])
@pytest.mark.parametrize("cutoff_hz", [None, 12.0, 8.0])
def test_shapes_are_told_apart_also_if_smoothed(shape: str, rate_hz: float, cutoff_hz: float | None) -> None:
    position = np.floor((rate_hz * time_of(3.0) + 0.3) % 1 * 2048).astype(int)
    values = 0.5 + 0.6 * cycle(shape)[position]  # type: ignore[arg-type]
    found = described(values if cutoff_hz is None else low_passed(values, cutoff_hz))
    assert found.lfo is not None
    assert found.lfo.shape == shape
    assert found.lfo.phase == pytest.approx(0.3, abs=0.01)
    assert found.lfo.rate_hz == pytest.approx(rate_hz, rel=0.01)
    assert found.lfo.shape_error < 0.06
