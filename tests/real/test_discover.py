"""`modstudy discover` on sounds that nobody here made: a patch of Vital, an acoustic note, and a voice."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("vita")

from core.data.renderers.vital_rates import render_vital_rates
from core.discovery.sound_input import load_sound
from core.exchange.vital_preset import render_vital_preset
from core.metrics.audio import mss_distance
from study.commands.options import OK
from tests.support.command_line import Command

pytestmark = pytest.mark.real

RATE = 16_000


def discovered(modstudy: Command, sound: Path, out: Path, *options: str) -> dict[str, Any]:
    """The summary of a sound."""
    result = modstudy("discover", sound, "--rate", str(RATE), "--tempo", "120", "--out", out, *options)
    assert result.exit_code == OK, result.output
    (path,) = out.glob("*/summary.json")
    summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return summary


def test_the_filter_lfo_of_a_vital_patch_is_named_and_its_preset_sounds_like_it(
    modstudy: Command, tmp_path: Path
) -> None:
    render_vital_rates(tmp_path / "sounds", target="filter", n=1, seed=3, rates_hz=(2.0, 8.0), duration_s=2.0)
    (line,) = (tmp_path / "sounds" / "metadata.csv").read_text().splitlines()[1:]
    true_hz = float(line.split(",")[3])
    (sound,) = (tmp_path / "sounds").glob("*.wav")
    found = discovered(modstudy, sound, tmp_path / "out", "--steps", "400")
    words = found["description"]
    assert found["pitch_source"] == "metadata"
    assert words["main_modulation"] == "sub"
    assert words["main_rate_hz"] == pytest.approx(true_hz, rel=0.1)
    assert words["sentence"].startswith("filter LFO: ")
    (preset,) = (tmp_path / "out").glob("*/*.vital")
    target = torch.from_numpy(load_sound(preset.parent / "target.wav").audio)
    played = torch.from_numpy(
        render_vital_preset(preset.read_text(), found["vital_note"], sample_rate=RATE, duration_s=found["duration_s"])
    ).float()[: len(target)]
    played = torch.nn.functional.pad(played, (0, len(target) - len(played)))
    distance = float(mss_distance(target[None], played[None] / played.abs().max(), RATE))
    assert found["mss"] < distance < found["constant_mss"]


def test_an_acoustic_note_is_nearer_than_a_still_synth(modstudy: Command, tmp_path: Path) -> None:
    pytest.importorskip("fluidsynth")
    result = modstudy("render", "soundfont", tmp_path / "sounds", "--n", "1", "--seed", "3", "--duration", "2")
    if result.exit_code != OK:
        pytest.skip(f"no SoundFont here: {result.output[-200:]}")
    (sound,) = (tmp_path / "sounds").glob("*.wav")
    found = discovered(modstudy, sound, tmp_path / "out", "--steps", "200")
    assert found["mss"] < found["constant_mss"]


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_a_spoken_vowel_is_followed_in_its_pitch(modstudy: Command, tmp_path: Path) -> None:
    sound = tmp_path / "vowel.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-p", "40", "-s", "60", "-w", sound, "aaaaaaaaaah"], check=True)
    found = discovered(modstudy, sound, tmp_path / "out", "--steps", "200")
    assert found["pitch_source"] == "tracked"
    assert 50 < found["f0_hz"] < 150
    assert [each["name"] for each in found["description"]["modulations"]].count("vibrato") == 1
    assert found["mss"] < 0.6 * found["constant_mss"]
