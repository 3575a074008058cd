"""A trained arm as a file: the program of torch operations has the results of the model, in a process without it."""

import io
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import core
from core.discovery import exported_arm
from core.discovery.exported_arm import ABOUT_NAME, TOLERANCE, ExportedArm, export_arm, lines_that_run, write_exported
from core.discovery.trained_arm import TrainedArm
from core.errors import DataError
from core.settings.trial import TrialConfig
from core.synths.note import Note
from core.training.model import DiscoveryModel, build_model
from tests.support.configs import GREY_BOX, tiny

BRIEF = "encoder.stride=5"
"""Few encoder frames, since their LSTM without kernels takes most of the time."""
QUICK = ("synth.kind=engel", "synth.n_harmonics=10", "parameterization.kind=low_pass", BRIEF)
SYNTHS = {
    "white box": (),
    "grey box": GREY_BOX,
    "engel": ("synth.kind=engel",),
    "shan": ("synth.kind=shan", "synth.table_length=256"),
    "fm": ("synth.kind=fm",),
    "subtractive": ("synth.kind=subtractive",),
}
CURVES = {
    "low_pass": ("parameterization.kind=low_pass",),
    "spline": ("parameterization.kind=spline", "parameterization.n_segments=4"),
    "lfo": ("parameterization.kind=lfo", "parameterization.min_rate_hz=4"),
}
OTHERS = {
    "frame": ("parameterization.kind=frame",),
    "b_spline": ("parameterization.kind=b_spline", "parameterization.n_segments=4"),
    "c1_bezier": ("parameterization.kind=c1_bezier", "parameterization.n_segments=4"),
    "gated_spline": ("parameterization.kind=gated_spline",),
    "projected_spline": ("parameterization.kind=projected_spline", "parameterization.n_segments=4"),
    "forward warp": (*CURVES["spline"], "parameterization.evaluation=forward_warp"),
    "direct form": (*GREY_BOX, "synth.filter.structure=direct"),
    "interpolated logits": (*GREY_BOX, "synth.filter.interpolate=logits"),
    "vibrato": ("synth.vibrato_semitones=1.0",),
    "vibrato of harmonics": ("synth.kind=engel", "synth.vibrato_semitones=1.0"),
    "granular": (*GREY_BOX, "synth.control=granular", "parameterization.kind=frame"),
    "bfloat16": ("encoder.precision=bf16",),
}


def arm_of(config: TrialConfig) -> TrainedArm:
    return TrainedArm(build_model(config).eval(), config)


@pytest.fixture(scope="module")
def arm() -> TrainedArm:
    return arm_of(tiny(*QUICK))


@pytest.fixture(scope="module")
def exported(arm: TrainedArm) -> ExportedArm:
    return export_arm(arm)


def inputs_of(arm: TrainedArm, n_clips: int) -> tuple[Tensor, ...]:
    """Tones, their pitch and phase, and noise."""
    n_samples, rate = arm.audio.n_samples, arm.audio.sample_rate
    f0_hz = torch.linspace(110, 440, n_clips)
    phase = torch.linspace(0, 0.9, n_clips)
    audio = 0.9 * torch.sin(2 * torch.pi * (f0_hz[:, None] * torch.arange(n_samples) / rate + phase[:, None]))
    return audio, f0_hz, phase, 2 * torch.rand(n_clips, n_samples, generator=torch.Generator().manual_seed(0)) - 1


@torch.inference_mode()
def own_results(
    model: DiscoveryModel, audio: Tensor, f0_hz: Tensor, phase: Tensor, noise: Tensor
) -> tuple[Tensor, ...]:
    found = model(audio, Note(f0_hz=f0_hz, q=torch.zeros_like(f0_hz), phase=phase, noise=noise))
    return found.curves.modulation, found.audio


def loaded(exported: ExportedArm) -> Any:
    return torch.export.load(io.BytesIO(exported.data)).module()


def test_a_file_has_the_results_of_the_arm_for_any_number_of_clips(arm: TrainedArm, exported: ExportedArm) -> None:
    run = loaded(exported)
    for n_clips in (1, 2, 5):
        inputs = inputs_of(arm, n_clips)
        for found, expected in zip(run(*inputs), own_results(arm.model, *inputs), strict=True):
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert exported.deviation < 1e-5


def test_a_file_runs_in_a_process_that_has_torch_alone(exported: ExportedArm, arm: TrainedArm, tmp_path: Path) -> None:
    write_exported(exported, tmp_path / "arm.pt2")
    lines = lines_that_run(exported.about, "arm.pt2")
    assert len([line for line in lines.splitlines() if line]) == 11, "ten, and one for the noise"
    blocked = "import sys\nsys.modules.update(core=None, study=None, numba=None, torchlpc=None)\n"
    (tmp_path / "run.py").write_text(blocked + lines)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-I", "run.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"torch.Size([2, 3, {arm.audio.n_frames}]) torch.Size([2, {arm.audio.n_samples}])\n"


def test_a_file_says_what_it_is_and_nothing_of_this_machine(exported: ExportedArm) -> None:
    extra = {ABOUT_NAME: ""}
    program = torch.export.load(io.BytesIO(exported.data), extra_files=extra)
    about = json.loads(extra[ABOUT_NAME])
    assert about == json.loads(json.dumps(asdict(exported.about)))
    assert about["inputs"] == ["audio", "f0_hz", "phase", "noise"]
    assert about["modulations"] == ["add", "sub", "env"]
    assert (about["sample_rate"], about["peak"]) == (16_000, 0.9)
    assert all("stack_trace" not in node.meta for node in program.graph.nodes)
    assert str(Path(core.__file__).parent.parent).encode() not in exported.data


def test_clips_of_another_length_are_refused(arm: TrainedArm, exported: ExportedArm) -> None:
    audio, f0_hz, phase, noise = inputs_of(arm, 2)
    with pytest.raises(AssertionError, match="audio"):
        loaded(exported)(audio[:, 1:], f0_hz, phase, noise[:, 1:])


@pytest.mark.slow
def test_an_export_leaves_the_model_and_its_kernels_as_they_were(arm: TrainedArm) -> None:
    inputs = inputs_of(arm, 2)
    before = own_results(arm.model, *inputs)
    assert all(parameter.requires_grad for parameter in arm.model.parameters())
    export_arm(arm)
    assert all(parameter.requires_grad for parameter in arm.model.parameters())
    for found, expected in zip(own_results(arm.model, *inputs), before, strict=True):
        assert torch.equal(found, expected)


@pytest.mark.slow
def test_a_program_with_another_result_is_refused(arm: TrainedArm, monkeypatch: pytest.MonkeyPatch) -> None:
    detached = exported_arm._detached

    def other_weights(program: Any) -> Any:
        copy = detached(program)
        for parameter in copy.model.curves.parameters():
            parameter.data.add_(0.1)
        return copy

    monkeypatch.setattr(exported_arm, "_detached", other_weights)
    with pytest.raises(DataError, match=rf"its curves differ by .*, more than {TOLERANCE:g}; no file was written"):
        export_arm(arm)


def test_what_torch_cannot_record_is_refused(arm: TrainedArm, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = DiscoveryModel.forward

    def by_value(model: DiscoveryModel, audio: Tensor, note: Note) -> Any:
        return forward(model, audio if bool(audio.max() > 0) else -audio, note)

    monkeypatch.setattr(DiscoveryModel, "forward", by_value)
    with pytest.raises(DataError, match=r"cannot export low_pass with engel as a program: .*; use modstudy apply"):
        export_arm(arm)


def test_the_noise_and_the_level_are_explained_where_they_matter(exported: ExportedArm) -> None:
    lines = lines_that_run(exported.about, "a.pt2")
    assert "noise = " in lines
    assert "peak of 0.9" in lines
    plain = lines_that_run(replace(exported.about, inputs=("audio", "f0_hz", "phase"), peak=None), "a.pt2")
    assert "noise" not in plain
    assert "as loud as in their files" in plain


@pytest.mark.slow
@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("synth", SYNTHS.values(), ids=SYNTHS)
def test_every_synth_is_exported(synth: tuple[str, ...], curve: tuple[str, ...]) -> None:
    # The rate of an oscillator that is fitted to an almost flat curve depends on the last bits of the sound.
    largest = TOLERANCE if curve == CURVES["lfo"] else 1e-5
    assert export_arm(arm_of(tiny(*synth, *curve, BRIEF))).deviation < largest


@pytest.mark.slow
@pytest.mark.parametrize("assignments", OTHERS.values(), ids=OTHERS)
def test_other_settings_are_exported(assignments: tuple[str, ...]) -> None:
    assert export_arm(arm_of(tiny(*assignments, BRIEF))).deviation < 1e-5
