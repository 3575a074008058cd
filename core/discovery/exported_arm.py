"""A trained arm as one file that runs with torch alone: encoder and synth as a program of torch operations.

`torch.export` records what encoder and synth do to a clip, by the references in torch operations that run on a GPU (see
core/ops/README.md), and the weights with it. The clip length is that of the arm, the number of clips is free. Of other
ways, TorchScript is deprecated and cannot record the recursive filters.
"""

import copy
import io
import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.discovery.trained_arm import TrainedArm
from core.errors import DataError
from core.storage.atomic_write import write_atomically
from core.synths.note import Note
from core.training.model import DiscoveryModel

ABOUT_NAME = "modstudy.json"
"""Name of the description within an exported file."""
TOLERANCE = 1e-4
"""Largest difference to the arm's own curves and sounds that is taken for rounding, relative to peaks above 1."""
_BATCHES = (1, 3)
"""Numbers of clips that are compared; the program is recorded with yet another one."""
_RECORDED_BATCH = 2
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 1000.0
"""Range of pitches that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a user of an exported file has to know; it is in the file as JSON under `ABOUT_NAME`."""

    inputs: tuple[str, ...]
    """audio (batch, n_samples); f0_hz (batch); phase (batch), the start phase in cycles; for synths that play noise,
    noise (batch, n_samples), uniform in -1..1."""
    outputs: tuple[str, ...]
    """curves (batch, modulation, n_frames) in 0..1; estimate (batch, n_samples)."""
    sample_rate: int
    n_samples: int
    """Samples of a clip."""
    frame_rate: float
    n_frames: int
    """Frames of a curve."""
    peak: float | None
    """Peak of the sounds in training, which sounds should have; None where they were as loud as in their files."""
    modulations: tuple[str, ...]
    synth: str
    parameterization: str
    torch: str
    """Version of torch that wrote the file; others may be unable to read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedArm:
    """An exported file, loaded again and compared."""

    about: About
    data: bytes
    """The file."""
    deviation: float
    """Largest difference to the arm's own curves and sounds, relative to peaks above 1."""


def export_arm(arm: TrainedArm) -> ExportedArm:
    """The encoder and synth of an arm as a `.pt2` file, whose result is that of the arm on clips of noise.

    Filters have no resonance from outside, as in `TrainedArm.play`.

    Raises:
        DataError: torch cannot record the arm, or the file has another result.
    """
    about = _about(arm)
    own = _Program(arm.model)
    own.eval()
    data = _recorded(own, about)
    return ExportedArm(about=about, data=data, deviation=_checked_deviation(data, own, about))


def write_exported(exported: ExportedArm, path: Path) -> None:
    """Write the file completely or not at all."""
    write_atomically(path, exported.data)


def lines_that_run(about: About, file: str) -> str:
    """Python that loads an exported file and runs it, with torch alone."""
    modulations = ", ".join(about.modulations)
    noise = ["noise = 2 * torch.rand(audio.shape) - 1  # of which the synth makes its own"]
    level = f"with a peak of {about.peak:g}" if about.peak else "as loud as in their files"
    return "\n".join(
        (
            "import torch",
            "",
            f"run = torch.export.load({file!r}).module()",
            f"# Your sounds, {level}: any number of clips of {about.n_samples} samples at {about.sample_rate} Hz.",
            f"audio = torch.rand(2, {about.n_samples}) - 0.5",
            "f0_hz = torch.tensor([220.0, 330.0])  # their pitches",
            "phase = torch.zeros(2)  # start phase of the oscillator in cycles",
            *(noise if "noise" in about.inputs else ()),
            "with torch.inference_mode():",
            f"    # {modulations} in 0..1 at {about.frame_rate:g} frames per second; what the synth plays",
            f"    curves, estimate = run({', '.join(about.inputs)})",
            "print(curves.shape, estimate.shape)",
        )
    )


# ---------------------------------------------------------------------------------------------------------------------


class _Program(nn.Module):
    """Curves and sound of a model as a function of tensors."""

    def __init__(self, model: DiscoveryModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        f0_hz: Float[Tensor, " batch"],
        phase: Float[Tensor, " batch"],
        noise: Float[Tensor, "batch sample"] | None = None,
    ) -> tuple[Float[Tensor, "batch modulation frame"], Float[Tensor, "batch sample"]]:
        note = Note(f0_hz=f0_hz, q=torch.zeros_like(f0_hz), phase=phase, noise=noise)
        estimate = self.model(audio, note)
        return estimate.curves.modulation, estimate.audio


def _about(arm: TrainedArm) -> About:
    return About(
        inputs=("audio", "f0_hz", "phase", *(["noise"] if arm.model.synth.needs_noise else [])),
        outputs=("curves", "estimate"),
        sample_rate=arm.audio.sample_rate,
        n_samples=arm.audio.n_samples,
        frame_rate=arm.audio.frame_rate,
        n_frames=arm.audio.n_frames,
        peak=arm.peak,
        modulations=tuple(each.name for each in arm.modulations),
        synth=arm.config.synth.kind,
        parameterization=arm.config.parameterization.kind,
        torch=torch.__version__,
    )


def _recorded(program: _Program, about: About) -> bytes:
    """The program as a file.

    Raises:
        DataError: torch cannot record it.
    """
    inputs = _noise_clips(about, _RECORDED_BATCH)
    batch = torch.export.Dim("batch", min=1)
    file = io.BytesIO()
    try:
        with torch.no_grad(), warnings.catch_warnings():
            # Of torch.nn.LSTM, which sorts its weights anew whenever it runs.
            warnings.filterwarnings("ignore", "The tensor attributes .*_flat_weights", UserWarning)
            exported = torch.export.export(_detached(program), inputs, dynamic_shapes=[{0: batch}] * len(inputs))
            for node in exported.graph.nodes:
                # Lines of source and the paths of their files on this machine.
                node.meta.pop("stack_trace", None)
            torch.export.save(exported, file, extra_files={ABOUT_NAME: json.dumps(asdict(about))})
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DataError(
            f"torch {torch.__version__} cannot export {about.parameterization} with {about.synth} as a program: "
            f"{reason}; use modstudy apply"
        ) from error
    return file.getvalue()


def _detached(program: _Program) -> _Program:
    """A copy without gradients whose weights have a memory of their own each, as torch wants to save them."""
    program = copy.deepcopy(program).requires_grad_(False)
    for weights in (*program.parameters(), *program.buffers()):
        weights.data = weights.data.clone(memory_format=torch.contiguous_format)
    return program


@torch.inference_mode()
def _checked_deviation(data: bytes, own: _Program, about: About) -> float:
    """Largest difference between the results of a file and of the model on clips of noise.

    Raises:
        DataError: the difference is more than rounding.
    """
    loaded: Any = torch.export.load(io.BytesIO(data)).module()
    deviation = 0.0
    for n_clips in _BATCHES:
        inputs = _noise_clips(about, n_clips)
        for name, found, expected in zip(about.outputs, loaded(*inputs), own(*inputs), strict=True):
            peak = max(1.0, float(expected.abs().max()))
            difference = float((found - expected).abs().max()) / peak
            # NaN is not below the tolerance.
            if found.shape != expected.shape or not difference <= TOLERANCE:
                raise DataError(
                    f"an exported program must have the result of the model; its {name} differ by {difference:.2g}, "
                    f"more than {TOLERANCE:g}; no file was written; use modstudy apply"
                )
            deviation = max(deviation, difference)
    return deviation


def _noise_clips(about: About, n_clips: int) -> tuple[Tensor, ...]:
    """Inputs of a program: clips of white noise at some pitches and phases."""
    draw = torch.Generator().manual_seed(n_clips)
    peak = about.peak or 1.0
    audio = peak * (2 * torch.rand(n_clips, about.n_samples, generator=draw) - 1)
    f0_hz = _LOWEST_HZ * (_HIGHEST_HZ / _LOWEST_HZ) ** torch.rand(n_clips, generator=draw)
    inputs = audio, f0_hz, torch.rand(n_clips, generator=draw)
    if "noise" not in about.inputs:
        return inputs
    return *inputs, 2 * torch.rand(n_clips, about.n_samples, generator=draw) - 1
