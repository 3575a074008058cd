"""The cost of a trial, from its record."""

from core.metrics.cost import training_seconds
from core.storage.records import TrialRecord


def test_training_time_is_that_of_the_last_validation() -> None:
    record = TrialRecord(digest="d", study="s", arm="a", seed=0, attempt="1", outcome="failed", config={})
    assert training_seconds(record) is None
    history = ({"step": 0.0, "elapsed_s": 0.5}, {"step": 4.0, "elapsed_s": 2.5})
    finished = TrialRecord(
        digest="d", study="s", arm="a", seed=0, attempt="1", outcome="finished", config={}, history=history
    )
    assert training_seconds(finished) == 2.5
