"""Printing of a study's outlook: what it will run, what that costs, and what its seeds can show."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.settings.value_rules import printable
from search_spaces.strategy import counted

if TYPE_CHECKING:
    from core.settings.audio import AudioConfig
    from core.storage.records import StudyPlan
    from search_spaces.study_file import StudyFile
    from study.planning.memory import MemoryNeed
    from study.planning.outlook import Power, Span, StudyOutlook
    from study.planning.resources import Resources

MAX_NAMES = 12
"""Largest number of arms that are named."""
HOURS_FOR_GPUS = 10.0
"""Core hours from which a study's cost on GPUs is told."""
MAX_LISTED = 3
"""Largest number of different clip lengths and splits that are listed."""
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def show_outlook(study: "StudyFile", plan: "StudyPlan", resources: "Resources", console: Console) -> None:
    """Measure what is not known about the costs of a study, and print its outlook.

    Args:
        study: The study.
        plan: Its plan so far.
        resources: Resources of its trials.
        console: Terminal for the outlook.

    Raises:
        ConfigError, DataError, StudyError: as for `study_outlook`.
    """
    from study.planning.outlook import study_outlook

    with console.status("timing a few steps of each kind of arm"):
        outlook = study_outlook(study, resources)
    assert outlook is not None
    console.print(f"[bold]{escape(plan.name)}[/]: {escape(printable(plan.question))}", highlight=False)
    table = Table.grid(padding=(0, 2))
    for title, texts in outlook_lines(outlook, [arm.name for arm in plan.arms]):
        for number, text in enumerate(texts):
            table.add_row(title if number == 0 else "", escape(text))
    console.print(table, highlight=False)


def outlook_lines(outlook: "StudyOutlook", arms: list[str]) -> Iterable[tuple[str, list[str]]]:
    """Titles and lines of text of an outlook.

    Args:
        outlook: The outlook.
        arms: Names of the arms that are already planned.
    """
    if arms:
        n_more = len(arms) - MAX_NAMES
        yield (
            "arms",
            [", ".join(arms[:MAX_NAMES]) + (f" and {n_more:,} more (--trials lists them)" if n_more > 0 else "")],
        )
    yield (
        "stages",
        [
            f"{costs.stage.stage}: {costs.stage.size}, {_count(costs.stage.min_trials, costs.stage.max_trials)}"
            for costs in outlook.stages
        ],
    )
    yield "trials", [_span(outlook.trials, lambda value: f"{value:,.0f}")]
    yield "per trial", [_per_trial(outlook)]
    if (need := outlook.resources.largest) is not None:
        yield "memory", [_memory_text(need)]
    yield "in all", [_resource_hours(outlook)]
    if outlook.resources.default.gpus == 0 and outlook.trial_hours.high >= HOURS_FOR_GPUS:
        yield "on GPUs", [_gpu_hours(outlook)]
    yield "disk", [f"{_span(outlook.disk_bytes, size_text)}, beside the report and the MLflow database"]
    yield "sounds", _listed(_clip_text(audio) for audio in outlook.audio)
    yield (
        "splits",
        _listed(
            f"{train:,} training, {validation:,} validation and {test:,} test clips"
            for train, validation, test in outlook.n_clips
        ),
    )
    yield "seeds", power_text(outlook.power)


def power_text(power: "Power") -> list[str]:
    """Sentences on what the comparisons of the report can show with the seeds of a study."""
    from core.statistics.paired import EXACT_PAIRS
    from core.statistics.power import SIGNIFICANCE

    seeds = counted(power.n_seeds, "seed")
    if not power.n_comparisons:
        return [f"{seeds}; the report compares no arms, because there is only one that is trained"]
    if power.n_declared:
        first = f"{seeds}; the report makes the {counted(power.n_declared, 'comparison')} that the contrasts declare"
    else:
        first = (
            f"{seeds}; the report makes up to {counted(power.n_comparisons, 'comparison')}: "
            f"{counted(power.n_arms - 1, 'arm')} with the first one in {counted(power.n_objectives, 'objective')}"
        )
    smallest = f"the smallest p value they allow after Holm's adjustment is {power.smallest_p:.3g}"
    if power.smallest_p <= SIGNIFICANCE:
        return [first, f"{smallest}: every comparison can be significant at {SIGNIFICANCE:g}"]
    needed = power.seeds_needed
    remedy = (
        f"--seeds {needed} would be needed"
        if needed is not None
        else f"no number of seeds is enough for so many (the test is exact up to {EXACT_PAIRS})"
    )
    remedy += "; declare fewer contrasts" if power.n_declared else "; or declare the few that matter, as [[contrasts]]"
    return [first, f"{smallest}: no difference can be significant at {SIGNIFICANCE:g}; {remedy}"]


def size_text(n_bytes: float) -> str:
    """A number of bytes as text, such as `1.2 MB`."""
    for unit in _UNITS[:-1]:
        if n_bytes < 999.5:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:,.0f} {_UNITS[-1]}"


def _per_trial(outlook: "StudyOutlook") -> str:
    """Duration and size of a trial as text."""
    low, high = outlook.shortest_s, outlook.longest_s
    text = f"{low:.1f} s" if high < low + 0.1 else f"{low:.1f} to {high:.1f} s"
    kinds = f"{outlook.n_measured} of {outlook.n_kinds} kinds" if outlook.n_measured < outlook.n_kinds else "each kind"
    sizes = [costs.trial_bytes for costs in outlook.stages if costs.stage.max_trials]
    low_size, high_size = size_text(min(sizes, default=0)), size_text(max(sizes, default=0))
    size = low_size if low_size == high_size else f"{low_size} to {high_size}"
    return f"{text} by a few steps of {kinds} of arm, one thread each; {size}"


def _memory_text(need: "MemoryNeed") -> str:
    """Peak memory of the largest trial as text."""
    from core.training.memory_estimate import UNCERTAINTY
    from study.planning.memory import gib_text

    whose = f"; arm {need.arm} takes most" if need.arm else "; at a corner of the search space"
    return f"up to {gib_text(need.gib)} per trial, estimated within a factor of {UNCERTAINTY:g}{whose}"


def _resource_hours(outlook: "StudyOutlook") -> str:
    """Core and GPU hours, and the wall time, as text."""
    from dashboards.durations import duration

    resources = outlook.resources
    shares = [(resources.default.cpus, "core")]
    if resources.default.gpus:
        shares.append((resources.default.gpus, "GPU"))
    hours = []
    for share, unit in shares:
        low, high = (f"{value * share:.3g}" for value in (outlook.trial_hours.low, outlook.trial_hours.high))
        hours.append(f"{low if low == high else f'{low} to {high}'} {unit} hours")
    at_once = f"{counted(resources.trials_at_once, 'trial')} at once"
    return f"{' and '.join(hours)}; {_span(outlook.wall_s, duration)} with {at_once}"


def _gpu_hours(outlook: "StudyOutlook") -> str:
    """Least GPU hours as text."""
    from study.planning.outlook import GPU_OPERATIONS_PER_S

    hours = _span(outlook.gpu_hours, lambda value: f"{value:.3g}")
    speed = f"{GPU_OPERATIONS_PER_S / 1e12:g} TFLOP/s"
    return f"at least {hours} GPU hours, for the encoder's convolutions at an assumed {speed}; not measured"


def _clip_text(audio: "AudioConfig") -> str:
    """Sample rate, length and frame rate of clips as text."""
    return (
        f"{audio.sample_rate:,} Hz, clips of {audio.duration_s:g} s, curves at {audio.frame_rate:g} frames per second"
    )


def _listed(texts: Iterable[str]) -> list[str]:
    """The different texts, of which at most `MAX_LISTED` are listed."""
    different = list(dict.fromkeys(texts))
    n_more = len(different) - MAX_LISTED
    return different[:MAX_LISTED] + ([f"and {n_more:,} more"] if n_more > 0 else [])


def _count(low: int, high: int) -> str:
    """A number of trials as text."""
    noun = "trial" if high == 1 else "trials"
    return f"{high:,} {noun}" if low == high else f"{low:,} to {high:,} {noun}"


def _span(span: "Span", text_of: Callable[[float], str]) -> str:
    """A span as text, as a single value if both ends have the same text."""
    low, high = text_of(span.low), text_of(span.high)
    return low if low == high else f"{low} to {high}"
