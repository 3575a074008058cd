"""Note values whose rates are known."""

import pytest

from core.discovery.note_values import note_value
from core.errors import ConfigError


@pytest.mark.parametrize(
    ("rate_hz", "tempo_bpm", "name"),
    [
        (5.8, 174.0, "1/8"),
        (2.0, 120.0, "1/4"),
        (4.0, 120.0, "1/8"),
        (6.0, 120.0, "1/8 triplet"),
        (8 / 3, 120.0, "1/8 dotted"),
        (3.0, 120.0, "1/4 triplet"),
        (8.0, 120.0, "1/16"),
        (0.5, 120.0, "1/1"),
        (0.25, 120.0, "2 bars"),
    ],
)
def test_rates_have_the_note_values_of_their_tempo(rate_hz: float, tempo_bpm: float, name: str) -> None:
    note = note_value(rate_hz, tempo_bpm)
    assert note is not None
    assert note.name == name
    assert note.deviation_percent == pytest.approx(0.0, abs=1e-9)


def test_the_deviation_has_a_sign_and_an_end() -> None:
    fast, slow = note_value(4.08, 120.0), note_value(3.92, 120.0)
    assert fast is not None
    assert slow is not None
    assert (fast.name, slow.name) == ("1/8", "1/8")
    assert (fast.deviation_percent, slow.deviation_percent) == pytest.approx((2.0, -2.0))
    assert note_value(4.2, 120.0) is None
    assert note_value(100.0, 120.0) is None


def test_a_tempo_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"lies in 20..400 beats per minute; got 5; double or halve it"):
        note_value(2.0, 5.0)
