"""Warm-up: steps on noise, configs that cover all kernels, and estimates of time."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from core.settings.parameterizations import ParameterizationConfig
from core.settings.synths import SynthConfig
from core.settings.trial import TrialConfig
from core.training import warmup
from core.training.model import build_model
from core.training.resolve import resolve_without_data
from core.training.warmup import (
    TrialCosts,
    compile_kernels,
    every_kernel,
    measure_costs,
    step_on_noise,
    warm_up,
    warm_up_all,
)
from tests.support.configs import GREY_BOX, TINY, configured, tiny


def estimate_seconds(config: TrialConfig) -> float:
    """Estimated duration of a trial in seconds."""
    return measure_costs(config).seconds(config, config.data.expected_clips)


def test_where_nothing_is_trained_there_is_no_step() -> None:
    assert step_on_noise(tiny("parameterization.kind=constant")) is None
    assert step_on_noise(tiny("trainer.max_steps=0")) is None


def test_steps_on_noise_train_the_model() -> None:
    step = step_on_noise(tiny())
    assert step is not None
    first, second = float(step()), float(step())
    assert first != second


def test_every_kernel_has_every_variant() -> None:
    configs = list(every_kernel())
    assert {type(config.parameterization) for config in configs} == set(get_args(ParameterizationConfig))
    assert {type(config.synth) for config in configs} == set(get_args(SynthConfig))


def test_every_part_of_the_small_preset_can_be_warmed_up() -> None:
    warm_up_all()


@pytest.mark.parametrize(
    "assignments",
    [
        (),
        GREY_BOX,
        ("synth.kind=engel", "parameterization.kind=random_spline"),
        ("trainer.max_steps=0",),
    ],
)
def test_config_can_be_warmed_up_resolved_or_not(assignments: tuple[str, ...]) -> None:
    warm_up(configured(*TINY, *assignments))
    warm_up(tiny(*assignments))


def test_kernels_are_compiled_once_for_all_configs_that_run_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[TrialConfig] = []
    monkeypatch.setattr(warmup, "warm_up", compiled.append)
    monkeypatch.setattr(warmup, "kernel_folder", lambda: tmp_path)
    spline = tiny("parameterization.kind=spline")
    others = [
        tiny("parameterization.kind=spline", "parameterization.evaluation=forward_warp"),
        tiny("parameterization.kind=spline", "trainer.max_steps=0"),
        tiny("parameterization.kind=spline", "encoder.precision=bf16"),
        tiny("parameterization.kind=frame"),
    ]
    for config in (spline, spline, tiny("parameterization.kind=spline", "trainer.max_steps=7"), *others, *others):
        compile_kernels(config)
    assert compiled == [spline, *others]
    monkeypatch.setattr(warmup, "code_version", lambda: "another")
    compile_kernels(spline)
    assert compiled[-1] == spline
    assert len(compiled) == 6


def test_kernels_that_could_not_be_compiled_are_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(config: TrialConfig) -> None:
        raise RuntimeError(config.parameterization.kind)

    monkeypatch.setattr(warmup, "kernel_folder", lambda: tmp_path / "missing")
    monkeypatch.setattr(warmup, "warm_up", fail)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="low_pass"):
            compile_kernels(tiny("parameterization.kind=low_pass"))
    monkeypatch.setattr(warmup, "warm_up", lambda _: None)
    compile_kernels(tiny("parameterization.kind=low_pass"))
    assert not (tmp_path / "missing").exists(), "a folder that cannot be written is no error"


def without_sounds() -> TrialConfig:
    settings = (setting for setting in TINY if not setting.startswith("data."))
    return configured(*settings, "data.kind=audio_folder", "data.folder=nowhere", "synth.kind=engel")


def test_sounds_need_not_exist() -> None:
    config = without_sounds()
    warm_up(config)
    assert estimate_seconds(replace(config, trainer=replace(config.trainer, max_steps=2))) > 0
    assert resolve_without_data(config).device == "cpu"


def test_costs_do_not_depend_on_the_numbers_of_steps_and_clips() -> None:
    config = tiny("trainer.max_steps=12")
    costs = measure_costs(config)
    assert costs.step_s > 0
    assert costs.clip_s > 0
    assert costs.n_weights == sum(value.numel() for value in build_model(config).state_dict().values())
    known = TrialCosts(step_s=2.0, clip_s=0.5, n_weights=1)
    # 12 steps, and 4 validations of 3 clips, and all 9 clips at the end.
    assert known.seconds(config, (4, 3, 2)) == 12 * 2.0 + 0.5 * (4 * 3 + 9)
    assert replace(known, step_s=0.0).seconds(config, (4, 3, 2)) == 0.5 * (3 + 9)


def test_estimate_of_the_time_grows_with_the_steps() -> None:
    few, many = (estimate_seconds(tiny(f"trainer.max_steps={steps}")) for steps in (10, 1000))
    assert many > 10 * few
