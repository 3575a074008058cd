"""What is left to run follows from the plan and the ledger alone."""

from study.execution.runner import open_trials
from tests.support.tiny_study import commit


def test_only_what_has_no_record_is_open_and_failures_when_asked_for(store, plan):
    first, second, third, *rest = plan.trials
    commit(store, first)
    commit(store, second, outcome="failed", error="out of memory")
    commit(store, third, outcome="diverged")
    assert open_trials(store, plan) == rest
    assert open_trials(store, plan, retry_failed=True) == [second, *rest]
    commit(store, second)
    assert open_trials(store, plan, retry_failed=True) == rest
