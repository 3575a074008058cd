"""Metrics of the cost of a trial."""

from core.metrics.base import Metric, ReferencePoint, TrialCost
from core.statistics.support import NON_NEGATIVE
from core.storage.records import TrialRecord


def training_seconds(record: TrialRecord) -> float | None:
    """Wall time of training and validation in seconds; None if the record has no history."""
    return record.history[-1]["elapsed_s"] if record.history else None


TRAIN_S = Metric(
    name="cost.train_s",
    direction="minimize",
    unit="s",
    description="wall time of training and validation: compare within one machine",
    support=NON_NEGATIVE,
    reference_point=ReferencePoint(600.0, "ten minutes"),
    compute=TrialCost(training_seconds),
)
