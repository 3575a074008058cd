"""Outlook on a study before it runs: trials of its stages, time, disk space, sounds, and what its seeds can show."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from core.settings.audio import AudioConfig
from core.settings.data import DataConfig
from core.settings.trial import TrialConfig
from core.statistics.power import pairs_needed, smallest_p
from search_spaces.strategy import StageOutlook
from search_spaces.study_file import StudyFile
from study.planning.disk import trial_bytes
from study.planning.estimates import CostTable, cost_table, kind_of_arm
from study.planning.resources import Resources

if TYPE_CHECKING:
    from study.planning.folder_clips import FolderClips

STARTUP_S = 15.0
"""Estimated time for the start of Ray, the imports of each worker, and the report."""
GPU_OPERATIONS_PER_S = 20e12
"""Operations per second that a GPU is assumed to sustain in convolutions; no GPU has been measured."""
_TRAINING_FACTOR = 3.0
"""Operations of a training step in those of a forward pass: the gradients of input and weights take as many each."""

Item = TypeVar("Item")
"""Any hashable value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Smallest and largest value of a quantity that depends on results."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCosts:
    """A stage with the mean costs of one of its trials."""

    stage: StageOutlook
    trial_s: float
    """Duration in seconds."""
    trial_bytes: float
    """Size of its files."""
    trial_operations: float = 0.0
    """Floating-point operations of the encoder's convolutions."""

    def wall_s(self, n_trials: int, at_once: int) -> float:
        """Wall time of a number of trials, of which some run at once."""
        return -(-n_trials // at_once) * self.trial_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """What the comparisons of a report can show with the seeds of a study."""

    n_arms: int
    """Number of compared arms, at most; baselines are not among them."""
    n_objectives: int
    n_seeds: int
    """Number of seeds of each arm, at most."""
    n_declared: int = 0
    """Number of comparisons that the study file declares as contrasts."""

    @property
    def n_comparisons(self) -> int:
        """Number of confirmatory comparisons: those declared, or each arm but the first with the first, everywhere."""
        return self.n_declared or max(0, self.n_arms - 1) * self.n_objectives

    @property
    def smallest_p(self) -> float:
        """Smallest p value after Holm's adjustment that a comparison can have; there must be comparisons."""
        return smallest_p(self.n_seeds, self.n_comparisons)

    @property
    def seeds_needed(self) -> int | None:
        """Number of seeds with which all comparisons can be significant; None if no number is enough."""
        return pairs_needed(self.n_comparisons)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOutlook:
    """Everything that is known about a study before it runs."""

    stages: tuple[StageCosts, ...]
    shortest_s: float
    """Duration of the shortest trial."""
    longest_s: float
    """Duration of the longest trial."""
    n_kinds: int
    """Number of kinds of arms, which differ in the time of a step."""
    n_measured: int
    """Number of these that were timed."""
    audio: tuple[AudioConfig, ...]
    """Different clips of its arms."""
    n_clips: tuple[tuple[int, int, int], ...]
    """Different numbers of training, validation and test clips of its arms."""
    power: Power
    resources: Resources

    @property
    def trials(self) -> Span:
        """Number of trials."""
        return self._sum(lambda _, n_trials: n_trials)

    @property
    def trial_hours(self) -> Span:
        """Sum of the durations of all trials in hours."""
        return self._sum(lambda costs, n_trials: costs.trial_s * n_trials / 3600)

    @property
    def gpu_hours(self) -> Span:
        """Least GPU hours of all trials: those of the encoder's convolutions at `GPU_OPERATIONS_PER_S`."""
        return self._sum(lambda costs, n_trials: costs.trial_operations * n_trials / GPU_OPERATIONS_PER_S / 3600)

    @property
    def wall_s(self) -> Span:
        """Wall time in seconds."""
        at_once = self.resources.trials_at_once
        span = self._sum(lambda costs, n_trials: costs.wall_s(n_trials, at_once))
        return Span(low=STARTUP_S + span.low, high=STARTUP_S + span.high)

    @property
    def disk_bytes(self) -> Span:
        """Size of the files of all trials, without the report and the MLflow database."""
        return self._sum(lambda costs, n_trials: costs.trial_bytes * n_trials)

    def _sum(self, amount: Callable[[StageCosts, int], float]) -> Span:
        """The sum over all stages of an amount that depends on the number of trials."""
        return Span(
            low=sum(amount(costs, costs.stage.min_trials) for costs in self.stages),
            high=sum(amount(costs, costs.stage.max_trials) for costs in self.stages),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipsCost:
    """Wall time of a study in seconds."""

    wall_s: float
    """With the clips that its sounds chose."""
    usual_wall_s: float
    """With those of its preset."""


def study_outlook(
    study: StudyFile,
    resources: Resources,
    *,
    cached_only: bool = False,
    scan_data: bool = True,
    n_clips: tuple[int, int, int] | None = None,
) -> StudyOutlook | None:
    """The outlook on a study with some resources; times are measured unless they are in the cache.

    Times are those of trials with one thread, or on one GPU, of this machine.

    Args:
        study: The study.
        resources: Resources of its trials.
        cached_only: Whether to return None instead of measuring.
        scan_data: Whether to count the clips of folders, which then must exist; otherwise their number is assumed.
        n_clips: Numbers of training, validation and test clips that are assumed; None for those of each data source.

    Raises:
        ConfigError, DataError, StudyError: an arm, or its data, cannot be used, or a training step fails.
    """
    stages = study.outlooks()
    configs = [group.config for stage in stages for group in stage.groups]
    table = cost_table(configs, cached_only=cached_only)
    if table is None:
        return None
    clips = _clips_of(configs) if scan_data else {}
    forecast = _Forecast(table, clips, n_clips)
    seconds = [forecast.seconds(config) for config in configs]
    return StudyOutlook(
        stages=tuple(
            StageCosts(
                stage=stage,
                trial_s=forecast.mean_seconds(stage),
                trial_bytes=forecast.mean_bytes(stage),
                trial_operations=forecast.mean_operations(stage),
            )
            for stage in stages
        ),
        shortest_s=min(seconds),
        longest_s=max(seconds),
        n_kinds=len(table.costs),
        n_measured=table.n_measured,
        audio=_distinct(config.audio for config in configs),
        n_clips=_distinct(forecast.n_clips(config) for config in configs),
        power=Power(
            n_arms=sum(stage.n_compared for stage in stages),
            n_objectives=len(study.objectives),
            n_seeds=max(stage.n_seeds for stage in stages),
            n_declared=len(study.comparisons()),
        ),
        resources=resources,
    )


def clips_cost(study: StudyFile, clips: "FolderClips", resources: Resources) -> ClipsCost:
    """What the clips that the sounds of a study chose cost, beside those of its preset.

    Args:
        study: The study with these clips.
        clips: The clips.
        resources: Resources of its trials.

    Raises:
        ConfigError, DataError, StudyError: as for `study_outlook`.
    """
    outlook = study_outlook(study, resources)
    assert outlook is not None
    # The folder is not scanned again for other clips, of which there are nearly as many.
    usual = study_outlook(clips.with_usual_clips(study), resources, scan_data=False, n_clips=outlook.n_clips[0])
    assert usual is not None
    return ClipsCost(wall_s=outlook.wall_s.high, usual_wall_s=usual.wall_s.high)


Clips = dict[tuple[DataConfig, AudioConfig], tuple[int, int, int]]
"""Numbers of training, validation and test clips by data and audio settings."""


class _Forecast:
    """Time and size of single trials."""

    def __init__(self, table: CostTable, clips: Clips, assumed: tuple[int, int, int] | None) -> None:
        self._table = table
        self._clips = clips
        self._assumed = assumed
        self._bytes: dict[object, int] = {}

    def n_clips(self, config: TrialConfig) -> tuple[int, int, int]:
        """Numbers of training, validation and test clips."""
        return self._clips.get((config.data, config.audio), self._assumed or config.data.expected_clips)

    def seconds(self, config: TrialConfig) -> float:
        """Duration of a trial."""
        return self._table.of(config).seconds(config, self.n_clips(config))

    def mean_seconds(self, stage: StageOutlook) -> float:
        """Mean duration of the trials of a stage."""
        return _mean(stage, self.seconds)

    def mean_bytes(self, stage: StageOutlook) -> float:
        """Mean size of the trials of a stage."""
        return _mean(stage, lambda config: self._size(config, stage))

    def mean_operations(self, stage: StageOutlook) -> float:
        """Mean number of operations of the trials of a stage."""
        return _mean(stage, lambda config: trial_operations(config, self.n_clips(config)))

    def _size(self, config: TrialConfig, stage: StageOutlook) -> int:
        """Size of a trial, computed once for trials of one kind with the same numbers of steps and clips."""
        trainer, n_clips = config.trainer, self.n_clips(config)
        key = (kind_of_arm(config), stage.stage, n_clips, trainer.max_steps, trainer.validate_every, config.data.kind)
        if key not in self._bytes:
            self._bytes[key] = trial_bytes(
                config, stage=stage.stage, n_test=n_clips[2], n_weights=self._table.of(config).n_weights
            )
        return self._bytes[key]


def trial_operations(config: TrialConfig, n_clips: tuple[int, int, int]) -> float:
    """Floating-point operations of the encoder's convolutions in a trial: its steps, validations and evaluation.

    Args:
        config: Config of the trial.
        n_clips: Numbers of training, validation and test clips.
    """
    if config.parameterization.is_baseline:
        return 0.0
    trainer, (_, n_validation, n_test) = config.trainer, n_clips
    n_validations = 2 + trainer.max_steps // trainer.validate_every
    n_trained = _TRAINING_FACTOR * trainer.max_steps * trainer.batch_size
    return config.encoder.n_operations(config.audio) * (n_trained + n_validations * n_validation + n_test)


def _clips_of(configs: Sequence[TrialConfig]) -> Clips:
    """Numbers of clips of all data sources, which are scanned.

    Raises:
        ConfigError, DataError: a config breaks a rule, or a data source cannot be used.
    """
    from core.data.build import build_source

    sources = dict.fromkeys((config.data, config.audio) for config in configs)
    return {(data, audio): build_source(data, audio).scan().n_clips for data, audio in sources}


def _mean(stage: StageOutlook, value: Callable[[TrialConfig], float]) -> float:
    """Mean of a value over the arms of a stage; 0 if it has none."""
    n_arms = sum(group.n_arms for group in stage.groups)
    return sum(group.n_arms * value(group.config) for group in stage.groups) / n_arms if n_arms else 0.0


def _distinct(items: Iterable[Item]) -> tuple[Item, ...]:
    """The different items, in order."""
    return tuple(dict.fromkeys(items))
