"""What a study plans and what its trials leave behind: plain records, stored as JSON."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from core.settings.dotted import flatten

SCHEMA_VERSION = 2
STATIC_RANGE = 0.05
"""A mean range of the recovered curves below this means that they hardly move: no modulation was found."""

Outcome = Literal["finished", "diverged", "failed"]
Split = Literal["validation", "test"]
MetricValues = dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One axis of a front."""

    metric: str
    direction: Literal["minimize", "maximize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTrial:
    """One call of the shared trainer: `digest` names its resolved config."""

    digest: str
    arm: str
    seed: int
    config: dict[str, Any]
    """Nested settings, as `core.settings.loading.to_settings` gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedArm:
    """One setting of the factors."""

    name: str
    settings: dict[str, Any]
    """Dotted settings that the arm itself makes."""
    is_baseline: bool = False
    is_white_box: bool = False
    """Whether its synth is the frozen one that made the sounds, so that raw curves compare with the truth."""
    modulations: tuple[str, ...] = ()
    """Names of the curves that its synth is played by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataIssue:
    """A sound that was skipped, or taken with a remark."""

    source: str
    problem: str
    skipped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDefinition:
    """The question of a study, fixed when it is first launched."""

    name: str
    question: str
    objectives: tuple[Objective, ...]
    study_file: dict[str, Any] = field(default_factory=dict)
    """The plain values of the study file, overrides included, from which a resumed study proposes on."""
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSegment:
    """What one stage of a study adds to its plan; it never changes once it is stored."""

    stage: str
    """What proposed it: `design`, `seeds`, `search`."""
    arms: tuple[PlannedArm, ...] = ()
    """Arms that no earlier segment has."""
    trials: tuple[PlannedTrial, ...] = ()
    data_issues: tuple[DataIssue, ...] = ()
    data_summary: dict[str, Any] = field(default_factory=dict)
    """Facts about the data source for a reader: number of clips, where each pitch came from."""
    code_version: str = ""
    created_at: str = ""
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """A study's definition and the union of its segments: everything that it will do, as far as it is known."""

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

    @property
    def arms(self) -> tuple[PlannedArm, ...]:
        return tuple(arm for segment in self.segments for arm in segment.arms)

    @property
    def trials(self) -> tuple[PlannedTrial, ...]:
        return tuple(trial for segment in self.segments for trial in segment.trials)

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(trial.seed for trial in self.trials))

    @property
    def data_issues(self) -> tuple[DataIssue, ...]:
        return tuple(dict.fromkeys(issue for segment in self.segments for issue in segment.data_issues))

    @property
    def data_summary(self) -> dict[str, Any]:
        return next((segment.data_summary for segment in self.segments if segment.data_summary), {})

    @property
    def code_versions(self) -> tuple[str, ...]:
        """Of the code that planned the segments, the first one first."""
        return tuple(dict.fromkeys(segment.code_version for segment in self.segments if segment.code_version))

    def with_segment(self, segment: PlanSegment) -> "StudyPlan":
        return StudyPlan(definition=self.definition, segments=(*self.segments, segment))

    def trials_of(self, arm: str) -> tuple[PlannedTrial, ...]:
        return tuple(trial for trial in self.trials if trial.arm == arm)

    def factors(self) -> dict[str, dict[str, Any]]:
        """By arm, its values of the dotted settings that some arm makes and in which the arms differ."""
        configs: dict[str, dict[str, Any]] = {}
        for trial in self.trials:
            if trial.arm not in configs:
                configs[trial.arm] = flatten(trial.config)
        absent = object()
        varying = [
            path
            for path in dict.fromkeys(path for arm in self.arms for path in arm.settings)
            if len({repr(config.get(path, absent)) for config in configs.values()}) > 1
        ]
        return {
            arm.name: {path: configs[arm.name][path] for path in varying if path in configs.get(arm.name, {})}
            for arm in self.arms
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """The outcome of one attempt at a trial; its presence in the ledger is the trial's commitment."""

    digest: str
    study: str
    arm: str
    seed: int
    attempt: str
    outcome: Outcome
    error: str | None = None
    is_baseline: bool = False
    config: dict[str, Any]
    """Dotted settings."""
    steps: int = 0
    best_step: int = 0
    """The step whose weights were evaluated: the best validation loss."""
    metrics: dict[Split, MetricValues] = field(default_factory=dict)
    """Mean over clips by metric name; None where it is undefined for every clip."""
    undefined: dict[Split, dict[str, int]] = field(default_factory=dict)
    """How many values (clip and modulation) each metric left out because it is undefined for them."""
    history: tuple[dict[str, float], ...] = ()
    """One entry per validation: `step`, `train_loss`, `validation_loss`, `elapsed_s`."""
    environment: dict[str, Any] = field(default_factory=dict)
    """Code version, git commit, library versions, host, device name, threads."""
    times_s: dict[str, float] = field(default_factory=dict)
    """Wall seconds of set-up, training, evaluation and writing."""
    started_at: str = ""
    finished_at: str = ""
    copied_from: str | None = None
    """The study that trained it, where this record is a copy."""
    schema_version: int = SCHEMA_VERSION


_DEFINITION: TypeAdapter[StudyDefinition] = TypeAdapter(StudyDefinition)
_SEGMENT: TypeAdapter[PlanSegment] = TypeAdapter(PlanSegment)
_RECORD: TypeAdapter[TrialRecord] = TypeAdapter(TrialRecord)


def definition_to_json(definition: StudyDefinition) -> bytes:
    return _DEFINITION.dump_json(definition, indent=1)


def definition_from_json(data: bytes) -> StudyDefinition:
    return _DEFINITION.validate_json(data)


def segment_to_json(segment: PlanSegment) -> bytes:
    return _SEGMENT.dump_json(segment, indent=1)


def segment_from_json(data: bytes) -> PlanSegment:
    return _SEGMENT.validate_json(data)


def record_to_json(record: TrialRecord) -> bytes:
    return _RECORD.dump_json(record, indent=1)


def record_from_json(data: bytes) -> TrialRecord:
    return _RECORD.validate_json(data)
