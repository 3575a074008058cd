"""A queue hands out what is open, waits or asks the strategies when nothing is left, and stops at its budget."""

import threading
import time
from collections.abc import Sequence

import pytest

from core.errors import StudyError
from core.storage.records import PlannedTrial, PlanSegment, StudyPlan
from core.storage.store import Store
from study.execution.trial_queue import Budget, Idle, TrialQueue, open_trials
from tests.support.tiny_study import commit

Segments = list[Sequence[PlannedTrial]]


def segment(n_trials: int, name: str) -> list[PlannedTrial]:
    return [PlannedTrial(digest=f"{name}{number}", arm=name, seed=number, stage="search") for number in range(n_trials)]


class Strategies:
    """Proposes segments one after the other, each only after all trials have ended if it waits."""

    def __init__(self, segments: Segments, *, waits: bool = True) -> None:
        self.segments = list(segments)
        self.waits = waits
        self.asked_while: list[frozenset[str]] = []

    def __call__(self, plan: StudyPlan, running: frozenset[str]) -> tuple[StudyPlan, Sequence[PlannedTrial]] | None:
        self.asked_while.append(running)
        if not self.segments or (self.waits and running):
            return None
        trials = self.segments.pop(0)
        return plan.with_segment(PlanSegment(stage="search", trials=tuple(trials))), trials


def taken(queue: TrialQueue) -> str:
    """The digest of the next trial, which must be there."""
    trial = queue.take()
    assert isinstance(trial, PlannedTrial)
    return trial.digest


class TestRounds:
    def test_a_round_begins_when_the_one_before_it_has_ended(self, plan: StudyPlan) -> None:
        strategies = Strategies([segment(2, "second"), segment(1, "third")])
        queue = TrialQueue(plan, segment(2, "first"), strategies)
        assert [taken(queue), taken(queue)] == ["first0", "first1"]
        assert queue.take() is Idle.WAIT
        queue.end("first1")
        assert queue.take() is Idle.WAIT
        queue.end("first0")
        assert [taken(queue), taken(queue)] == ["second0", "second1"]
        assert queue.take() is Idle.WAIT
        queue.end("second0")
        queue.end("second1")
        assert taken(queue) == "third0"
        assert not queue.is_done
        queue.end("third0")
        assert queue.take() is Idle.DONE
        assert queue.is_done
        assert [len(each.trials) for each in queue.plan.segments] == [len(plan.trials), 2, 1]

    def test_strategies_are_asked_again_only_when_a_trial_has_ended(self, plan: StudyPlan) -> None:
        strategies = Strategies([])
        queue = TrialQueue(plan, segment(2, "first"), strategies)
        for digest in ("first0", "first1"):
            assert taken(queue) == digest
        for _ in range(5):
            assert queue.take() is Idle.WAIT
        assert strategies.asked_while == [{"first0", "first1"}]
        queue.end("first0")
        for _ in range(5):
            assert queue.take() is Idle.WAIT
        assert strategies.asked_while[1:] == [{"first1"}]

    def test_a_segment_that_is_copied_as_a_whole_is_passed_over(self, plan: StudyPlan) -> None:
        queue = TrialQueue(plan, [], Strategies([[], [], segment(1, "third")]))
        assert taken(queue) == "third0"

    def test_without_trials_and_proposals_it_is_done_at_once(self, plan: StudyPlan) -> None:
        queue = TrialQueue(plan, [], Strategies([]))
        assert queue.peek() is Idle.DONE
        assert queue.is_done

    def test_peeking_takes_nothing(self, plan: StudyPlan) -> None:
        queue = TrialQueue(plan, segment(1, "first"), Strategies([]))
        first = queue.peek()
        assert queue.peek() == first == queue.take()


def test_a_strategy_that_does_not_wait_fills_every_free_worker(plan: StudyPlan) -> None:
    queue = TrialQueue(plan, [], Strategies([segment(1, name) for name in "abc"], waits=False))
    assert [taken(queue), taken(queue)] == ["a0", "b0"]
    queue.end("b0")
    assert taken(queue) == "c0"
    assert queue.take() is Idle.WAIT
    queue.end("a0")
    queue.end("c0")
    assert queue.take() is Idle.DONE


class TestEarlyEnd:
    def test_no_trial_starts_after_the_last_one_of_the_budget(self, plan: StudyPlan) -> None:
        strategies = Strategies([segment(2, "second")])
        queue = TrialQueue(plan, segment(2, "first"), strategies, budget=Budget(max_trials=3))
        for digest in ("first0", "first1"):
            assert taken(queue) == digest
            queue.end(digest)
        assert taken(queue) == "second0"
        assert queue.ends_early
        assert queue.take() is Idle.DONE
        assert queue.n_waiting == 1
        queue.end("second0")
        assert queue.take() is Idle.DONE
        assert len(strategies.asked_while) == 1

    def test_no_trial_starts_when_the_time_is_over(self, plan: StudyPlan, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: now)
        queue = TrialQueue(plan, segment(3, "first"), Strategies([]), budget=Budget(max_seconds=60))
        assert taken(queue) == "first0"
        now = 159.0
        assert taken(queue) == "first1"
        now = 160.0
        assert queue.take() is Idle.DONE
        assert queue.n_waiting == 1

    def test_no_trial_starts_after_a_request_to_stop(self, plan: StudyPlan) -> None:
        stop = threading.Event()
        queue = TrialQueue(plan, segment(2, "first"), Strategies([]), stop=stop)
        assert taken(queue) == "first0"
        assert not queue.ends_early
        stop.set()
        assert queue.take() is Idle.DONE
        assert queue.ends_early
        assert not queue.is_out_of_budget

    @pytest.mark.parametrize(
        ("limits", "message"),
        [
            ({"max_trials": 0}, "--max-trials must be 1 or more; got 0"),
            ({"max_seconds": 0.0}, "--max-hours must be above 0; got 0"),
            ({"max_seconds": -3600.0}, "--max-hours must be above 0; got -1"),
        ],
    )
    def test_a_budget_that_allows_nothing_is_refused(self, limits: dict[str, float], message: str) -> None:
        with pytest.raises(StudyError, match=message):
            Budget(**limits)  # type: ignore[arg-type]


class TestOpenTrials:
    def test_trials_without_a_record_are_open_and_failed_ones_on_request(self, store: Store, plan: StudyPlan) -> None:
        first, second, third, *rest = plan.trials
        commit(store, first)
        commit(store, second, outcome="failed", error="out of memory")
        commit(store, third, outcome="diverged")
        assert open_trials(store, plan) == rest
        assert open_trials(store, plan, retry=frozenset({"failed"})) == [second, *rest]
        commit(store, second)
        assert open_trials(store, plan, retry=frozenset({"failed"})) == rest

    def test_lost_and_cancelled_trials_are_open(self, store: Store, plan: StudyPlan) -> None:
        first, second, third, *rest = plan.trials
        commit(store, first, outcome="lost", metrics={})
        commit(store, second, outcome="cancelled", metrics={})
        commit(store, third, outcome="timed_out", metrics={})
        assert open_trials(store, plan) == [first, second, *rest]

    def test_an_attempt_without_a_record_leaves_its_trial_open(self, store: Store, plan: StudyPlan) -> None:
        store.begin(plan.trials[0].digest).put("checkpoint-00000002.pt", b"")
        assert open_trials(store, plan) == list(plan.trials)
