"""What a study plans and what its trials leave behind: plain records, kept as JSON in the study's store."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

SCHEMA_VERSION = 1
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
    """Nested settings, as `core.loading.to_settings` gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedArm:
    """One setting of the factors."""

    name: str
    factors: dict[str, Any]
    """Dotted settings that this arm sets, and other arms set otherwise."""
    is_baseline: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DataNotice:
    """A sound that was skipped, or taken with a remark."""

    source: str
    problem: str
    skipped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """Everything a study will do, fixed before anything runs."""

    name: str
    question: str
    objectives: tuple[Objective, ...]
    arms: tuple[PlannedArm, ...]
    trials: tuple[PlannedTrial, ...]
    data_notices: tuple[DataNotice, ...] = ()
    data_summary: dict[str, Any] = field(default_factory=dict)
    """What the data source is, for a reader: number of clips, where each pitch came from."""
    code_version: str = ""
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """What one attempt at a trial came to; its presence in the ledger is the trial's commitment."""

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
    """How many values (clip and signal) each metric left out because it is undefined for them."""
    history: tuple[dict[str, float], ...] = ()
    """One entry per validation: `step`, `train_loss`, `validation_loss`, `elapsed_s`."""
    environment: dict[str, Any] = field(default_factory=dict)
    """Code version, git commit, library versions, host, device name, threads."""
    times_s: dict[str, float] = field(default_factory=dict)
    """Wall seconds of set-up, training, evaluation and keeping."""
    started_at: str = ""
    finished_at: str = ""
    schema_version: int = SCHEMA_VERSION

    @property
    def is_static(self) -> bool:
        """True where the recovered test curves hardly move."""
        value = self.metrics.get("test", {}).get("interpretability.range")
        return value is not None and value < STATIC_RANGE


_PLAN: TypeAdapter[StudyPlan] = TypeAdapter(StudyPlan)
_RECORD: TypeAdapter[TrialRecord] = TypeAdapter(TrialRecord)


def plan_to_json(plan: StudyPlan) -> bytes:
    return _PLAN.dump_json(plan, indent=1)


def plan_from_json(data: bytes) -> StudyPlan:
    return _PLAN.validate_json(data)


def record_to_json(record: TrialRecord) -> bytes:
    return _RECORD.dump_json(record, indent=1)


def record_from_json(data: bytes) -> TrialRecord:
    return _RECORD.validate_json(data)
