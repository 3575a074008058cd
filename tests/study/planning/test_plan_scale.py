"""Large studies are planned, written and read in a time that is proportional to their number of arms."""

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest

from core.errors import ConfigError
from core.storage.records import StudyPlan
from core.storage.serialisation import segment_from_json, segment_to_json
from search_spaces.study_parsing import parse_study
from study.planning.plan import make_plan

LIMIT_S = 2.0
"""Processor time for 1,000 arms, more than ten times what they take without type checks."""
FACTORS: dict[str, list[Any]] = {
    "optimizer.lr": [0.001 * step for step in range(1, 11)],
    "encoder.width": list(range(4, 24, 2)),
    "trainer.batch_size": list(range(1, 11)),
}


def big_study(**changes: Any) -> StudyPlan:
    space = [{"path": path, "values": values} for path, values in FACTORS.items()]
    settings = {"name": "big", "question": "?", "seeds": list(range(8)), "config": {"device": "cpu"}, "space": space}
    return make_plan(parse_study({**settings, **changes})).plan


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time and result of some work."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def test_a_thousand_arms_with_eight_seeds_are_planned_in_a_moment() -> None:
    planning_s, plan = timed(big_study)
    assert (len(plan.arms), len(plan.trials)) == (1000, 8000)
    assert len({trial.digest for trial in plan.trials}) == 8000
    assert {tuple(arm.settings.values()) for arm in plan.arms} == set(itertools.product(*FACTORS.values()))
    (segment,) = plan.segments
    storing_s, text = timed(lambda: segment_to_json(segment))
    reading_s, again = timed(lambda: segment_from_json(text))
    assert again == segment
    assert len(text) < 4e6
    assert planning_s < LIMIT_S
    assert storing_s + reading_s < LIMIT_S


def test_more_arms_than_any_study_could_run_are_refused_at_once() -> None:
    space = [{"path": path, "low": 1, "high": 100_000} for path in ("data.seed", "trainer.max_steps")]
    start = time.process_time()
    with pytest.raises(
        ConfigError, match=r"at most 100,000 trials; this one has 80,000,000,000 \(arms: 100,000 data.seed x 100,000"
    ):
        big_study(space=space)
    assert time.process_time() - start < LIMIT_S


def test_thousands_of_values_of_one_dimension_are_no_hardship() -> None:
    space = [{"path": "data.seed", "values": list(range(4000))}]
    seconds, arms = timed(parse_study({"name": "long", "question": "?", "space": space}).named_arms)
    assert len(arms) == 4000
    assert seconds < LIMIT_S
