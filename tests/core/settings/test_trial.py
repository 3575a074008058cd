"""Properties of a trial's config: baseline and white box."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.settings.baselines import ConstantConfig
from core.settings.presets import SMALL
from core.settings.trial import TrialConfig
from core.training.resolve import resolve
from search_spaces.study_parsing import load_study
from tests.support.configs import GREY_BOX, configured, tiny, tiny_on_folder
from tests.support.rendered_folder import fill
from tests.support.sounds import write_named_notes


def test_baselines_do_not_depend_on_the_sound() -> None:
    assert [
        kind
        for kind in ("frame", "low_pass", "spline", "random_spline", "constant")
        if configured(f"parameterization.kind={kind}").is_baseline
    ] == ["random_spline", "constant"]
    assert configured("trainer.max_steps=0").is_baseline
    assert TrialConfig(parameterization=ConstantConfig()).is_baseline
    assert not SMALL.config.is_baseline


class TestWhiteBox:
    def test_every_arm_of_quickstart_is_white_box(self) -> None:
        for config in load_study("quickstart").configs().values():
            assert resolve(config).config.is_white_box

    @pytest.mark.parametrize(
        "assignments",
        [
            (),
            ("data.wavetable=drawbars",),
            ("data.wavetable=drawbars", "synth.oscillator.wavetable=drawbars"),
            ("data.filter.max_cutoff_hz=4000", "synth.filter.max_cutoff_hz=4000"),
            ("parameterization.kind=constant",),
            ("seed=3", "data.seed=4", "optimizer.lr=0.1"),
        ],
    )
    def test_synth_that_made_the_sounds_is_white_box(self, assignments: tuple[str, ...]) -> None:
        assert tiny(*assignments).is_white_box

    @pytest.mark.parametrize(
        "assignments",
        [
            ("synth.oscillator.wavetable=drawbars",),
            ("synth.filter.max_cutoff_hz=4000",),
            ("data.filter.min_q=0.5",),
            ("synth.filter.coefficient_shrink=0.001",),
            ("synth.oscillator.kind=learnable",),
            ("synth.filter.kind=learned",),
            GREY_BOX,
            ("synth.kind=engel",),
        ],
    )
    def test_any_other_synth_is_not(self, assignments: tuple[str, ...]) -> None:
        assert not tiny(*assignments).is_white_box

    def test_contents_of_tables_decide_and_not_their_paths(self, tmp_path: Path) -> None:
        cycles = np.sin(np.outer(np.arange(1, 4), 2 * np.pi * np.arange(2048) / 2048)).flatten()
        for name, sound in (("one", cycles), ("same", cycles), ("other", cycles[::-1])):
            soundfile.write(tmp_path / f"{name}.wav", sound, 44_100, subtype="FLOAT")
        data = f"data.wavetable={tmp_path / 'one.wav'}"
        assert tiny(data, f"synth.oscillator.wavetable={tmp_path / 'same.wav'}").is_white_box
        assert not tiny(data, f"synth.oscillator.wavetable={tmp_path / 'other.wav'}").is_white_box

    def test_sounds_that_no_synth_of_ours_made_are_not(self, tmp_path: Path) -> None:
        write_named_notes(tmp_path / "notes")
        fill(tmp_path / "renders")
        for kind, folder in (("audio_folder", "notes"), ("renders", "renders")):
            config = tiny_on_folder(kind, tmp_path / folder, "synth.oscillator.wavetable=sine_to_saw")
            assert not config.is_white_box
