"""The driver prepares data and kernels once for all trials that share them; trouble with one is left to its trials."""

import logging
from typing import Any

import pytest

from core.clips import Dataset
from core.settings.data import DataConfig
from core.settings.loading import from_settings
from core.settings.trial import TrialConfig
from core.storage.records import StudyPlan
from study.execution import preparation
from study.execution.preparation import (
    distinct_data,
    distinct_kernels,
    prepare_data,
    prepare_kernels,
    prepare_node,
)
from tests.support.tiny_study import TINY, tiny_plan


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def arm(name: str, **config: Any) -> dict[str, Any]:
    return {"name": name, "config": config}


def test_each_dataset_is_prepared_once_and_trouble_with_it_is_a_warning(
    plan: StudyPlan, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    prepared: list[DataConfig] = []

    def build(config: TrialConfig) -> Dataset:
        prepared.append(config.data)
        raise OSError("gone")

    monkeypatch.setattr(preparation, "cached_dataset", build)
    prepare_data(plan, plan.trials)
    assert prepared == [from_settings(plan.config_of(plan.trials[0])).data]
    assert warnings_in(caplog) == ["the data of arm constant cannot be prepared: gone"]


def test_clips_of_another_length_are_prepared_too(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[float] = []
    monkeypatch.setattr(preparation, "cached_dataset", lambda config: prepared.append(config.audio.duration_s))
    plan = tiny_plan(arms=[arm("one"), arm("two", audio={"duration_s": 2.0})])
    prepare_data(plan, plan.trials)
    assert sorted(prepared) == [1.0, 2.0]


def test_kernels_are_compiled_once_for_all_trials_that_run_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[tuple[object, object]] = []

    def record(config: TrialConfig) -> None:
        compiled.append((config.parameterization.kernels(), config.synth.kernels()))

    monkeypatch.setattr(preparation, "compile_kernels", record)
    spline = {"kind": "spline"}
    grey_box = {"kind": "mod_synth", "oscillator": {"kind": "learnable"}, "filter": {"kind": "learned"}}
    arms = [
        arm("spline", parameterization=spline),
        arm("spline-16", parameterization={**spline, "n_segments": 16}),
        arm("warp", parameterization={**spline, "evaluation": "forward_warp"}),
        arm("frame", parameterization={"kind": "frame"}),
        arm("frame-wide", parameterization={"kind": "frame"}, encoder={"width": 32}),
        arm("frame-grey", parameterization={"kind": "frame"}, synth=grey_box),
        arm("frame-engel", parameterization={"kind": "frame"}, synth={"kind": "engel"}),
    ]
    plan = tiny_plan(arms=arms)
    prepare_kernels(plan, plan.trials)
    assert len(compiled) == len(set(compiled)) == 5
    curves = [parameterization for parameterization, _ in compiled]
    assert sorted(map(str, curves)) == ["('spline', 'forward_warp')", "('spline', 'inverse')", *3 * ["frame"]]


def test_trials_on_a_gpu_need_no_compiled_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[TrialConfig] = []
    monkeypatch.setattr(preparation, "compile_kernels", compiled.append)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    plan = tiny_plan(config={**TINY["config"], "device": "cuda"})
    prepare_kernels(plan, plan.trials)
    assert compiled == []


def test_kernels_that_cannot_be_compiled_are_a_warning(
    plan: StudyPlan, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(config: TrialConfig) -> None:
        raise RuntimeError(f"no compiler for {config.parameterization.kind}")

    monkeypatch.setattr(preparation, "compile_kernels", fail)
    prepare_kernels(plan, plan.trials)
    assert warnings_in(caplog) == [
        f"the kernels of {kind} cannot be compiled: no compiler for {kind}"
        for kind in ("low_pass", "frame", "constant")
    ]


def test_a_node_prepares_data_and_kernels_and_reports_trouble(plan: StudyPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[str] = []

    def fail(config: TrialConfig) -> None:
        raise OSError(f"no compiler for {config.parameterization.kind}")

    monkeypatch.setattr(preparation, "cached_dataset", lambda config: prepared.append(config.data.kind))
    monkeypatch.setattr(preparation, "compile_kernels", fail)
    data = list(distinct_data(plan, plan.trials).values())
    assert prepare_node(data, distinct_kernels(plan, plan.trials)[:1]) == ["no compiler for low_pass"]
    assert prepared == ["synthetic"]


def test_what_cannot_fit_in_memory_is_not_prepared(
    plan: StudyPlan, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def prepare(_: TrialConfig) -> None:
        raise AssertionError("it would end this process")

    monkeypatch.setattr(preparation, "usable_memory", lambda: 1e8)
    monkeypatch.setattr(preparation, "cached_dataset", prepare)
    monkeypatch.setattr(preparation, "compile_kernels", prepare)
    prepare_data(plan, plan.trials)
    prepare_kernels(plan, plan.trials)
    assert {warning.split()[1] for warning in warnings_in(caplog)} == {"data", "kernels"}
    assert all("the trial needs an estimated 1 GiB of memory" in warning for warning in warnings_in(caplog))
