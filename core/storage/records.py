"""Records of studies: definition, plan segments and trial results; `core.storage.serialisation` has their JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from core.settings.dotted import flatten

SCHEMA_VERSION = 4
"""Incremented when fields of stored records change."""
STATIC_RANGE = 0.05
"""Recovered curves with a smaller mean range are almost constant: no modulation was found."""

Outcome = Literal[
    "finished",
    "stopped",
    "diverged",
    "nan",
    "out_of_memory",
    "timed_out",
    "lost",
    "crashed",
    "cancelled",
    "failed",
]
"""How a trial ended.

`finished` has metrics; `stopped` was ended by an early-stopping rule; `diverged` exceeded the limit of the loss; `nan`
had a loss that is not a number; `out_of_memory` and `timed_out` exceeded memory or deadline; `lost` lost its worker or
node too often; `crashed` lost its worker twice by the signal of a fatal error, such as SIGSEGV; `cancelled` ran when
the user stopped the study; `failed` raised any other error.
"""
RERUN_ON_RESUME: frozenset[Outcome] = frozenset({"lost", "cancelled"})
"""Outcomes that say nothing about the trial itself, so `resume` runs these trials again."""
SignatureKind = Literal["static", "no effect", "saturated", "aliasing", "near instability", "silent branch", "diverged"]
"""Names of failure signatures; `core.metrics.signatures` says what they mean and where they begin."""
Stage = Literal["design", "seeds", "race", "search", "confirm"]
"""Stage that planned a trial: arms of a design, further seeds, a race, a search, or the confirmation of a search."""
Split = Literal["validation", "test"]
"""Split of the data on which metrics are evaluated."""
MetricValues = dict[str, float | None]
"""Mean over clips by full name of the metric; None if it is undefined for all clips."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A metric to optimise, one axis of a Pareto front."""

    metric: str
    direction: Literal["minimize", "maximize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTrial:
    """A planned run of the trainer: an arm with a seed."""

    digest: str
    """Digest of the resolved config."""
    arm: str
    seed: int
    stage: Stage = "design"

    @property
    def splits(self) -> tuple[Split, ...]:
        """Splits on which the trained model is evaluated: a search does not see the test split."""
        return ("validation",) if self.stage == "search" else ("validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedArm:
    """A planned arm: one setting of the factors of a study."""

    name: str
    settings: dict[str, Any]
    """Dotted settings that define the arm."""
    config: dict[str, Any]
    """Nested settings of the resolved config without the seed, from `core.settings.loading.to_settings`."""
    sha256: str
    """Hash of the resolved config without the seed."""
    is_baseline: bool = False
    """Whether its curves do not depend on the sound."""
    is_white_box: bool = False
    """Whether its synth is the one that made the sounds; then recovered and true curves are comparable."""
    modulations: tuple[str, ...] = ()
    """Names of the curves that control its synth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A point that the sampler of a search proposed."""

    number: int
    """Number of the ask within its cell, from 0."""
    cell: str
    """Name of the cell of the search's grid; empty if it has no grid."""
    sampler: str
    """Kind of the sampler."""
    settings: dict[str, Any]
    """Dotted settings of the point."""
    arm: str | None = None
    """The arm that the point is: a new one, or an earlier one that equals it; None if the point is infeasible."""
    problem: str | None = None
    """The rule that the point breaks; None if it is feasible."""
    attributes: dict[str, Any] = field(default_factory=dict)
    """Plain values that the sampler needs to see again, such as the generation of a genetic algorithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataIssue:
    """A problem with a source file, which was skipped or used nevertheless."""

    source: str
    """Name of the file."""
    problem: str
    skipped: bool
    """Whether the file was left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A sound file of the data and what was made of it."""

    file: str
    """Path below the folder."""
    f0_hz: float | None = None
    """Pitch; None if it is unknown."""
    pitch_source: str = ""
    """Where the pitch comes from: `metadata`, `file name`, `tracked`, `assumed` or `manifest`; empty if unknown."""
    lfo_hz: float | None = None
    """Declared rate of its LFO; None if none is."""
    group: str = ""
    """Files of a group are in the same split; empty if the file cannot be read."""
    grouped_by: tuple[str, ...] = ()
    """Why it is in the group: `metadata`, `name`, `same sound`; empty if it is alone in it."""
    same_sound_as: str | None = None
    """First file of the folder with the same sound, possibly in another format or level; None if there is none."""
    split: str = ""
    """Split of its clips, `train`, `validation` or `test`; empty if it was skipped."""
    duration_s: float | None = None
    """Length; None if it is unknown."""
    clip_starts_s: tuple[float, ...] = ()
    """Where its clips begin; empty if it was skipped."""
    remark: str = ""
    """Why it was skipped, or what is to be said of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDefinition:
    """Name, question and objectives of a study, fixed when it is first launched."""

    name: str
    question: str
    objectives: tuple[Objective, ...]
    study_file: dict[str, Any] = field(default_factory=dict)
    """Plain values of the study file including overrides, as first launched."""
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSegment:
    """Arms and trials that one stage of a study adds to its plan; immutable once stored."""

    stage: Stage
    """Stage that planned the segment."""
    arms: tuple[PlannedArm, ...] = ()
    """Arms that are not in an earlier segment."""
    trials: tuple[PlannedTrial, ...] = ()
    asks: tuple[Ask, ...] = ()
    """All points that the sampler of a search proposed for this segment, in order, also those that became no arm."""
    study_file: dict[str, Any] | None = None
    """Plain values of the study file from this segment on; None if it is unchanged."""
    data_issues: tuple[DataIssue, ...] = ()
    data_summary: dict[str, Any] = field(default_factory=dict)
    """Facts about the data for reports, such as the number of clips and the origin of their pitches."""
    data_files: tuple[DataFile, ...] = ()
    """All sound files of the data, if they are not those of an earlier segment."""
    data_notes: tuple[str, ...] = ()
    """What the user should know of the data as a whole, in sentences."""
    code_version: str = ""
    created_at: str = ""
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """Plan of a study: its definition and all segments so far."""

    definition: StudyDefinition
    segments: tuple[PlanSegment, ...] = ()

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def question(self) -> str:
        return self.definition.question

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return self.definition.objectives

    @cached_property
    def study_file(self) -> dict[str, Any]:
        """Plain values of the latest study file, from which a resumed study continues; empty if none is stored."""
        files = [segment.study_file for segment in self.segments if segment.study_file is not None]
        return files[-1] if files else self.definition.study_file

    @cached_property
    def arms(self) -> tuple[PlannedArm, ...]:
        """Arms of all segments."""
        return tuple(arm for segment in self.segments for arm in segment.arms)

    @cached_property
    def trials(self) -> tuple[PlannedTrial, ...]:
        """Trials of all segments."""
        return tuple(trial for segment in self.segments for trial in segment.trials)

    @cached_property
    def asks(self) -> tuple[Ask, ...]:
        """Points that the sampler of a search proposed so far, in order."""
        return tuple(ask for segment in self.segments for ask in segment.asks)

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Different seeds of the trials that are evaluated on the test split, in order of appearance."""
        return tuple(dict.fromkeys(trial.seed for trial in self.trials if trial.stage != "search"))

    @property
    def data_issues(self) -> tuple[DataIssue, ...]:
        """Different data issues of all segments."""
        return tuple(dict.fromkeys(issue for segment in self.segments for issue in segment.data_issues))

    @property
    def data_summary(self) -> dict[str, Any]:
        """Summary of the data in the first segment that has one; empty if none has."""
        return next((segment.data_summary for segment in self.segments if segment.data_summary), {})

    @cached_property
    def data_files(self) -> tuple[DataFile, ...]:
        """Different sound files of all segments."""
        return tuple(dict.fromkeys(file for segment in self.segments for file in segment.data_files))

    @property
    def data_notes(self) -> tuple[str, ...]:
        """Different notes on the data of all segments."""
        return tuple(dict.fromkeys(note for segment in self.segments for note in segment.data_notes))

    @property
    def code_versions(self) -> tuple[str, ...]:
        """Different versions of the code that planned the segments, oldest first."""
        return tuple(dict.fromkeys(segment.code_version for segment in self.segments if segment.code_version))

    def with_segment(self, segment: PlanSegment) -> "StudyPlan":
        """The plan with a further segment."""
        return StudyPlan(definition=self.definition, segments=(*self.segments, segment))

    def arm(self, name: str) -> PlannedArm:
        """The arm of a name.

        Raises:
            KeyError: the plan has no such arm.
        """
        return self._arm_by_name[name]

    def trials_of(self, arm: str) -> tuple[PlannedTrial, ...]:
        """The trials of an arm."""
        return self._trials_by_arm.get(arm, ())

    def config_of(self, trial: PlannedTrial) -> dict[str, Any]:
        """Nested settings of the resolved config of a trial."""
        return {**self.arm(trial.arm).config, "seed": trial.seed}

    def factors(self) -> dict[str, dict[str, Any]]:
        """Values by arm and dotted path of all settings that define an arm and differ between arms."""
        configs: dict[str, dict[str, Any]] = {arm.name: flatten(arm.config) for arm in self.arms}
        absent = object()
        varying = [
            path
            for path in dict.fromkeys(path for arm in self.arms for path in arm.settings)
            if len({repr(config.get(path, absent)) for config in configs.values()}) > 1
        ]
        return {
            arm.name: {path: configs[arm.name][path] for path in varying if path in configs[arm.name]}
            for arm in self.arms
        }

    @cached_property
    def _arm_by_name(self) -> Mapping[str, PlannedArm]:
        return {arm.name: arm for arm in self.arms}

    @cached_property
    def _trials_by_arm(self) -> Mapping[str, tuple[PlannedTrial, ...]]:
        trials: dict[str, list[PlannedTrial]] = {}
        for trial in self.trials:
            trials.setdefault(trial.arm, []).append(trial)
        return {arm: tuple(of_arm) for arm, of_arm in trials.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """Size and hash of a file of an attempt."""

    size: int
    """In bytes."""
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A failure signature of a trial."""

    kind: SignatureKind
    part: str
    """What shows it: a modulation, a module of the synth, or `training`."""
    value: float
    """The number by which it was found, in the unit of `core.metrics.signatures.UNITS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """Result of one attempt at a trial; storing it commits the attempt."""

    digest: str
    study: str
    arm: str
    seed: int
    attempt: str
    stage: Stage = "design"
    outcome: Outcome
    error: str | None = None
    is_baseline: bool = False
    config: dict[str, Any]
    """Dotted settings of the resolved config."""
    steps: int = 0
    """Number of training steps."""
    best_step: int = 0
    """Step with the best validation loss, whose weights were evaluated."""
    metrics: dict[Split, MetricValues] = field(default_factory=dict)
    """Metrics by split."""
    undefined: dict[Split, dict[str, int]] = field(default_factory=dict)
    """Number of undefined values (per clip and modulation) by split and metric; means exclude them."""
    signatures: tuple[Signature, ...] | None = None
    """Failure signatures on the test split; None if nobody looked for any, as in trials of a search."""
    history: tuple[dict[str, float], ...] = ()
    """An entry per validation with `step`, `train_loss`, `validation_loss` and `elapsed_s`."""
    environment: dict[str, Any] = field(default_factory=dict)
    """Code version, git commit, host, Python and torch version, number of threads and device name."""
    times_s: dict[str, float] = field(default_factory=dict)
    """Wall time in seconds of set-up, training, evaluation and writing."""
    started_at: str = ""
    finished_at: str = ""
    copied_from: str | None = None
    """Study that ran the trial if this record is a copy; None otherwise."""
    files: dict[str, StoredFile] = field(default_factory=dict)
    """The other files of the attempt by name, without checkpoints."""
    schema_version: int = SCHEMA_VERSION

    @property
    def has_ended(self) -> bool:
        """Whether the trial has come to its end; a cancelled one has not, and goes on when the study is resumed."""
        return self.outcome != "cancelled"
