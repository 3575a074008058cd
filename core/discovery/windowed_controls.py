"""Controls of a synth for sounds longer than the clips of its training.

The adapters of a synth with learned modules read the time within a clip beside the curve (core.ops.adapters). So the
curves of a long sound are cut into windows as long as a clip, each of which is mapped to controls by itself, and the
controls are joined as the curves of the windows were (core.discovery.windows). What renders controls has no such
memory of the clip: a contract of all synths.
"""

from dataclasses import fields, replace
from typing import Any

from jaxtyping import Float
from torch import Tensor

from core.discovery.windows import Windows
from core.synths.base import Synth
from core.synths.note import Note


def windowed_controls(synth: Synth[Any], curves: Float[Tensor, "sound modulation frame"], windows: Windows) -> Any:
    """The controls of equally long sounds, a dataclass of tensors; their frames are on the first axis of that length.

    Args:
        synth: The synth.
        curves: Curves without that of the vibrato, followed by the free controls of a granular synth.
        windows: Windows of the sounds.
    """
    n_sounds, _, n_frames = curves.shape
    controls = synth.controls(windows.parts(curves).transpose(1, 2).flatten(0, 1))

    def joined(values: Tensor) -> Tensor:
        """Values of all windows, those of a sound one after the other, as values of the sounds."""
        frames_last = values.movedim(frame_axis(values, windows.length), -1)
        by_window = frames_last.view(n_sounds, len(windows.starts), *frames_last.shape[1:]).transpose(0, 1)
        whole = windows.join(by_window.flatten(1, -2)).view(n_sounds, *frames_last.shape[1:-1], n_frames)
        return whole.movedim(-1, frame_axis(values, windows.length))

    return replace(controls, **{field.name: joined(getattr(controls, field.name)) for field in fields(controls)})


def windowed_sound(
    synth: Synth[Any], curves: Float[Tensor, "modulation frame"], note: Note, windows: Windows
) -> Float[Tensor, " sample"]:
    """The sound of the curves of one sound, whose controls are those of its windows."""
    others, bent = synth.split_vibrato(curves[None], note)
    sound: Tensor = synth.render(windowed_controls(synth, others, windows), bent)
    return sound[0]


def frame_axis(control: Tensor, n_frames: int) -> int:
    """The axis of the frames of a control: the first behind that of the sounds which is as long."""
    return control.shape.index(n_frames, 1)
