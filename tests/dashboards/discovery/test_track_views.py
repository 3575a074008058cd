"""Curves, distances and times as the page draws them."""

from dataclasses import replace

import numpy as np
import pytest

from core.discovery.discovered_sound import DiscoveredSound
from dashboards.discovery.page_content import ModulationWords, modulation_words
from dashboards.discovery.track_views import MAX_VALUES, nearness, time_marks, track_views
from dashboards.discovery.wavetable_drawing import HEIGHT, MAX_CYCLES, WIDTH, wavetable_drawing
from tests.dashboards.discovery.pages import WORDS
from tests.support.discovered import discovered_sound, noisy_sound


def with_effects(*effects: float, mss: float = 0.5, constant_mss: float = 1.5) -> DiscoveredSound:
    sound = discovered_sound()
    curves = [replace(curve, effect=effect) for curve, effect in zip(sound.curves, effects, strict=True)]
    return replace(sound, curves=tuple(curves), mss=mss, constant_mss=constant_mss)


def test_tracks_are_in_the_order_of_the_synth_whatever_that_of_the_words() -> None:
    tracks = track_views(discovered_sound(), WORDS[::-1])
    assert [track.words.name for track in tracks] == ["add", "sub", "env"]
    assert [track.words.title for track in tracks] == ["timbre", "filter LFO", "tremolo"]
    assert len({track.colour for track in tracks}) == 3


def test_a_curve_without_words_has_its_declaration() -> None:
    track = track_views(discovered_sound(), ())[1]
    assert (track.words.title, track.words.words) == ("sub", "cutoff of the filter")
    assert track.words.rate_hz is None


def test_a_held_curve_is_drawn_at_its_mean() -> None:
    sound = discovered_sound()
    for track, curve in zip(track_views(sound, ()), sound.curves, strict=True):
        assert track.mean == pytest.approx(curve.values.mean(), abs=1e-4)
        height = f"{100 * (1 - curve.values.mean()):.1f}"
        assert track.held_path == f"M0.0 {height}L100.0 {height}"


def test_values_under_the_pointer_are_those_of_the_curve() -> None:
    sound = discovered_sound()
    assert track_views(sound, ())[0].values == pytest.approx(sound.curves[0].values, abs=6e-4)
    long = noisy_sound(1_000_000)
    values = track_views(long, ())[0].values
    assert len(values) == MAX_VALUES
    assert values[0] == pytest.approx(long.curves[0].values[0], abs=6e-4)
    assert values[-1] == pytest.approx(long.curves[0].values[-1], abs=6e-4)


def test_bars_of_effects_are_relative_to_the_largest_one() -> None:
    tracks = track_views(with_effects(2.0, 1.0, -0.3), ())
    assert [track.effect_share for track in tracks] == [1.0, 0.5, 0.0]


def test_bars_of_a_sound_whose_curves_are_heard_only_together_are_short() -> None:
    tracks = track_views(with_effects(0.1, 0.05, 0.0), ())
    assert [track.effect_share for track in tracks] == pytest.approx([0.1, 0.05, 0.0])


def test_effects_without_a_value_have_no_bar() -> None:
    tracks = track_views(with_effects(np.nan, np.inf, 0.0, mss=np.nan), ())
    assert [track.effect_share for track in tracks] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("mss", "constant_mss", "closed", "shares"),
    [
        (0.5, 2.0, 75, (0.25, 1.0)),
        (2.0, 1.0, None, (1.0, 0.5)),
        (0.0, 0.0, None, (0.0, 0.0)),
        (np.nan, 1.0, None, (0.0, 1.0)),
        (1.0, np.inf, None, (1.0, 0.0)),
    ],
)
def test_distances_have_bars_and_a_share_that_is_closed(
    mss: float, constant_mss: float, closed: int | None, shares: tuple[float, float]
) -> None:
    found = nearness(with_effects(0.0, 0.0, 0.0, mss=mss, constant_mss=constant_mss))
    assert found.closed_percent == closed
    assert (found.mss_share, found.constant_share) == shares


@pytest.mark.parametrize(
    ("duration_s", "texts"),
    [
        (3.0, ["0", "0.5", "1", "1.5", "2", "2.5", "3"]),
        (0.05, ["0", "0.01", "0.02", "0.03", "0.04", "0.05"]),
        (20.0, ["0", "5", "10", "15", "20"]),
        (600.0, ["0", "100", "200", "300", "400", "500", "600"]),
    ],
)
def test_times_are_marked_at_round_distances(duration_s: float, texts: list[str]) -> None:
    marks = time_marks(duration_s)
    assert [text for text, _ in marks] == texts
    assert [place for _, place in marks] == pytest.approx([100 * float(text) / duration_s for text in texts], abs=1e-3)


def test_a_wavetable_is_drawn_from_behind_and_stays_in_its_box() -> None:
    cycles = wavetable_drawing(np.random.default_rng(0).uniform(-1, 1, (64, 512)))
    assert [cycle.position for cycle in cycles] == sorted((cycle.position for cycle in cycles), reverse=True)
    assert (cycles[0].position, cycles[-1].position, len(cycles)) == (1.0, 0.0, MAX_CYCLES)
    for cycle in cycles:
        points = np.array([pair.split() for pair in cycle.path[1:].split("L")], dtype=float)
        assert points.min() >= 0
        assert np.all(points <= [WIDTH, HEIGHT])


def test_a_wavetable_of_one_silent_cycle_is_drawn() -> None:
    assert len(wavetable_drawing(np.zeros((1, 16)))) == 1


def test_descriptions_become_words() -> None:
    lfo = {
        "rate_hz": 5.8, "note": {"name": "1/8", "deviation_percent": 0.1}, "depth": 0.6, "phase": 0.25, "offset": 0.5,
        "shape": "sine", "shape_error": 0.03,
    }  # fmt: skip
    still = {"low": 0.2, "high": 0.7, "mean": 0.4, "lfo": None, "envelope": None, "steps": None}
    description = {
        "tempo_bpm": 174.0,
        "modulations": [
            {"name": "env", "words": "tremolo: 5.8 Hz (1/8 at 174 BPM), sine", "curve": still | {"lfo": lfo}},
            {"name": "sub", "words": "filter: decay from 0.7", "curve": still | {"envelope": {"shape": "decay"}}},
            {"name": "add", "words": "timbre: steps 0.2 and 0.7", "curve": still | {"steps": {"levels": [0.2, 0.7]}}},
        ],
    }
    env, sub, add = modulation_words(description)
    assert env == ModulationWords(
        name="env", title="tremolo", words="5.8 Hz (1/8 at 174 BPM), sine", rate_hz=5.8, note_value="1/8 at 174 BPM",
        depth=0.6, phase=0.25, shape="sine", shape_error=0.03,
    )  # fmt: skip
    assert (sub.shape, sub.rate_hz) == ("decay", None)
    assert sub.depth == pytest.approx(0.5)
    assert (add.title, add.shape) == ("timbre", "steps")
