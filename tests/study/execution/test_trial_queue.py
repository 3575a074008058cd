"""What is left to run follows from the plan and the ledger alone."""

from core.storage.records import StudyPlan
from core.storage.store import Store
from study.execution.trial_queue import open_trials
from tests.support.tiny_study import commit


def test_trials_without_a_record_are_open_and_failed_ones_on_request(store: Store, plan: StudyPlan) -> None:
    first, second, third, *rest = plan.trials
    commit(store, first)
    commit(store, second, outcome="failed", error="out of memory")
    commit(store, third, outcome="diverged")
    assert open_trials(store, plan) == rest
    assert open_trials(store, plan, retry_failed=True) == [second, *rest]
    commit(store, second)
    assert open_trials(store, plan, retry_failed=True) == rest


def test_an_attempt_without_a_record_leaves_its_trial_open(store: Store, plan: StudyPlan) -> None:
    store.begin(plan.trials[0].digest).put("checkpoint-00000002.pt", b"")
    assert open_trials(store, plan) == list(plan.trials)
