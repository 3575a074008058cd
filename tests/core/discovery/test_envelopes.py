"""Envelopes whose levels and times are known."""

import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

from core.discovery.envelopes import Envelope, fit_envelope
from tests.support.known_curves import low_passed, time_of

TIME_S = time_of(3.0)


def fitted(values: Float[ndarray, " frame"]) -> Envelope:
    envelope = fit_envelope(values, TIME_S)
    assert envelope is not None
    return envelope


@pytest.mark.parametrize("time_constant_s", [0.15, 0.3, 0.8])
@pytest.mark.parametrize("cutoff_hz", [None, 8.0])
def test_an_exponential_decay_has_its_time_constant(time_constant_s: float, cutoff_hz: float | None) -> None:
    values = 0.1 + 0.8 * np.exp(-TIME_S / time_constant_s)
    found = fitted(values if cutoff_hz is None else low_passed(values, cutoff_hz))
    (ramp,) = found.ramps
    assert (found.shape, ramp.bend) == ("decay", "exponential")
    assert ramp.time_constant_s == pytest.approx(time_constant_s, rel=0.05 if cutoff_hz is None else 0.2)
    assert ramp.to_level == pytest.approx(0.1, abs=0.03)
    assert ramp.most_s == pytest.approx(3 * time_constant_s, rel=0.2)
    if cutoff_hz is None:
        assert ramp.from_level == pytest.approx(0.9, abs=0.01)


def test_a_linear_decay_with_a_hold_has_its_times() -> None:
    found = fitted(np.clip(0.9 - 0.5 * (TIME_S - 0.5), 0.2, 0.9))
    (ramp,) = found.ramps
    assert (found.shape, ramp.bend, ramp.time_constant_s) == ("decay", "linear", None)
    assert (ramp.from_level, ramp.to_level) == pytest.approx((0.9, 0.2), abs=0.01)
    assert (ramp.start_s, ramp.most_s) == pytest.approx((0.5, 1.4), abs=0.03)
    assert found.error < 0.01


def test_a_rise_may_slow_down_or_speed_up() -> None:
    slowing, speeding = 1 - np.exp(-TIME_S / 0.5), np.expm1(TIME_S / 0.7) / np.expm1(3 / 0.7)
    assert [fitted(values).shape for values in (slowing, speeding)] == ["rise", "rise"]
    assert [fitted(values).ramps[0].bend for values in (slowing, speeding)] == ["exponential", "accelerating"]


def test_what_rises_and_falls_is_named_by_what_is_faster() -> None:
    attack_decay = fitted(np.minimum(TIME_S / 0.3, np.exp(-(TIME_S - 0.3) / 0.8)))
    swell = fitted(np.minimum(TIME_S / 2, 3 - TIME_S))
    dip = fitted(1 - np.minimum(TIME_S / 2, 3 - TIME_S))
    assert [envelope.shape for envelope in (attack_decay, swell, dip)] == ["attack-decay", "swell", "dip"]
    attack, decay = attack_decay.ramps
    assert attack.duration_s == pytest.approx(0.3, abs=0.03)
    assert decay.time_constant_s == pytest.approx(0.8, rel=0.05)
    assert [ramp.duration_s for ramp in swell.ramps] == pytest.approx([2.0, 1.0], abs=0.05)


def test_ramps_are_continued_over_the_edges() -> None:
    inner = slice(6, -6)
    found = fit_envelope((0.9 - 0.2 * TIME_S)[inner], TIME_S[inner], edge_s=6 / 128)
    assert found is not None
    (ramp,) = found.ramps
    assert (ramp.from_level, ramp.to_level, ramp.start_s, ramp.duration_s) == pytest.approx((0.9, 0.3, 0.0, 3.0))


def test_what_turns_often_or_never_moves_is_no_envelope() -> None:
    assert fit_envelope(0.5 + 0.4 * np.sin(2 * np.pi * TIME_S), TIME_S) is None
    assert fit_envelope(np.full_like(TIME_S, 0.5), TIME_S) is None


def test_a_ripple_does_not_hide_a_decay() -> None:
    noise = np.random.default_rng(0).normal(0, 0.03, len(TIME_S))
    found = fitted(np.clip(0.9 - 0.25 * TIME_S + noise, 0, 1))
    assert found.shape == "decay"
    assert found.ramps[0].from_level == pytest.approx(0.9, abs=0.05)
