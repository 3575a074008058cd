"""Periodic LFOs: their rates, forms and ranges."""

from typing import get_args

import numpy as np
import pytest
import torch

from core.data.periodic_lfo import Target, check_rates, draw_periodic_lfo
from core.errors import ConfigError
from core.metrics.rates import dominant_rate_hz


@pytest.mark.parametrize("target", get_args(Target))
def test_dominant_rate_is_the_declared_one_in_every_form(target: Target) -> None:
    lfos = [draw_periodic_lfo(target, (2.0, 8.0), np.random.default_rng([3, number])) for number in range(40)]
    assert {lfo.form for lfo in lfos} == {"sine", "triangle", "random"}
    curves = torch.from_numpy(np.stack([lfo.at(np.arange(1500) / 500) for lfo in lfos]))
    rates = torch.tensor([lfo.rate_hz for lfo in lfos], dtype=torch.float64)
    torch.testing.assert_close(dominant_rate_hz(curves, 500.0), rates, rtol=0.01, atol=0)
    assert 2 <= float(rates.min()) < 3 < 6 < float(rates.max()) <= 8
    for lfo, curve in zip(lfos, curves, strict=True):
        assert lfo.low == pytest.approx(float(curve.min()), abs=0.01)
        assert lfo.high == pytest.approx(float(curve.max()), abs=0.01)
        assert lfo.high - lfo.low > 0.15
        if target == "vibrato":
            assert lfo.low + lfo.high == pytest.approx(1.0)


def test_curve_starts_at_its_phase_and_repeats() -> None:
    lfo = draw_periodic_lfo("tremolo", (4.0, 4.0), np.random.default_rng(0))
    time = np.arange(100) / 500
    np.testing.assert_allclose(lfo.at(time), lfo.at(time + 0.25), atol=1e-9)
    assert float(lfo.at(np.zeros(1))[0]) == pytest.approx(float(lfo.cycle.at(np.array([lfo.phase]))[0]))


@pytest.mark.parametrize(
    ("rates_hz", "message"),
    [((8.0, 2.0), "the lower one first; got 8:2"), ((2.0, 50.0), "0.1..20 Hz"), ((0.5, 2.0), "render sounds of 4 s")],
)
def test_rates_out_of_range_are_refused(rates_hz: tuple[float, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_rates(rates_hz, 3.0)
