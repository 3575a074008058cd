"""Printing of the clips that the sounds in a folder chose: what was measured, what they cost, and how to get others."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from search_spaces.strategy import counted

if TYPE_CHECKING:
    from core.settings.audio import AudioConfig
    from study.planning.folder_clips import FolderClips
    from study.planning.outlook import ClipsCost
    from study.planning.plan import NewPlan
    from study.planning.resources import Resources

_ALIKE = 0.1
"""Costs that differ by less than this share are alike."""


def show_clips(planned: "NewPlan", resources: "Resources | None", console: Console) -> None:
    """Print the clips that the sounds of a study chose, if they did, and what these cost.

    Args:
        planned: The plan of the study.
        resources: Resources of its trials on this machine; None if they run elsewhere or have run, so that no time is
            measured.
        console: Terminal.

    Raises:
        ConfigError, DataError, StudyError: as for `study_outlook`.
    """
    from study.planning.outlook import clips_cost

    if (clips := planned.clips) is None:
        return
    cost = None
    if resources is not None:
        with console.status("timing a few steps of each kind of arm"):
            cost = clips_cost(planned.study, clips, resources)
    for line in clips_lines(clips, cost):
        console.print(escape(line), highlight=False, soft_wrap=True)


def clips_lines(clips: "FolderClips", cost: "ClipsCost | None") -> list[str]:
    """Sentences on the clips that sounds chose.

    Args:
        clips: The clips.
        cost: What they cost; None if it is unknown.
    """
    from core.data.folder_audio import ENERGY_SHARE
    from dashboards.durations import duration

    sounds, audio, usual = clips.sounds, clips.audio, clips.usual
    lines = [
        f"sounds: {counted(sounds.n_files, 'file')}, most at {_khz(sounds.sample_rate)}; they last "
        f"{sounds.audible_s:.2g} s (median), and {100 * ENERGY_SHARE:g} % of their energy lies below "
        f"{_khz(sounds.bandwidth_hz)}",
        f"clips, chosen by them: {_clips_text(audio, clips.per_file)}; curves at {audio.frame_rate:g} frames per second"
        + (f"; about {duration(cost.wall_s)} in all on this machine" if cost else ""),
    ]
    is_usual = (audio.sample_rate, audio.duration_s) == (usual.sample_rate, usual.duration_s)
    if is_usual or (cost and abs(cost.wall_s / cost.usual_wall_s - 1) < _ALIKE):
        return lines
    clip_text = _clips_text(usual, clips.per_file)
    if cost:
        times = (
            f"{cost.wall_s / cost.usual_wall_s:.2g} times as long as for {clip_text} ({duration(cost.usual_wall_s)})"
        )
    else:
        times = f"{audio.n_samples / usual.n_samples:.2g} times as much sound as {clip_text}"
    settings = f"--set audio.sample_rate={usual.sample_rate} --set audio.duration_s={usual.duration_s:g}"
    return [*lines, f"{times}, which you get by {settings}"]


def _clips_text(audio: "AudioConfig", per_file: int) -> str:
    """Clips as text."""
    part = f"the first {audio.duration_s:g} s" if per_file == 1 else f"up to {per_file} times {audio.duration_s:g} s"
    return f"{part} of each file at {_khz(audio.sample_rate)}"


def _khz(hz: float) -> str:
    """A frequency as text."""
    return f"{hz / 1000:.5g} kHz"
