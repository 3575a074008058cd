"""The Vital renderer without Vital: missing package, LFO settings, random patches and keyframes."""

import sys
from pathlib import Path

import numpy as np
import pytest

from core.data.lfo_shapes import draw_lfo
from core.data.renderers.vital import MAX_NOTE, MIN_NOTE, draw_patch, render_vital, vital_keyframes
from core.data.renderers.vital_json import lfo_settings
from core.errors import DataError


def test_missing_package_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vita", None)
    with pytest.raises(DataError, match=r"pip install 'modstudy\[real\]'"):
        render_vital(tmp_path / "out", n=1, seed=0)
    assert not (tmp_path / "out").exists()


def test_vital_gets_points_upside_down_and_one_power_per_point() -> None:
    lfo = draw_lfo(np.random.default_rng(0))
    settings = lfo_settings(lfo)
    assert settings["points"][1::2] == [1 - y for _, y in lfo.points]
    assert settings["points"][::2] == [x for x, _ in lfo.points]
    assert settings["num_points"] == len(settings["powers"]) == len(lfo.points)


def test_patch_depends_on_seed_and_number_only() -> None:
    assert draw_patch(5, 1) == draw_patch(5, 1)
    assert draw_patch(5, 1) != draw_patch(5, 2) != draw_patch(6, 2)
    patches = [draw_patch(0, number) for number in range(200)]
    assert {patch.note for patch in patches} == set(range(MIN_NOTE, MAX_NOTE + 1))
    assert all(0.1 <= patch.resonance <= 0.6 for patch in patches)
    assert all(list(patch.lfos) == ["add", "sub", "env"] for patch in patches)


def test_wavetable_becomes_65_keyframes_four_frames_apart() -> None:
    keyframes = vital_keyframes("pulse_width")
    assert [keyframe["position"] for keyframe in keyframes] == list(range(0, 257, 4))
