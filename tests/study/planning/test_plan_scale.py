"""Large studies are planned, written and read with work that is proportional to their number of arms."""

import itertools
from typing import Any

import pytest

from core.errors import ConfigError
from core.storage.records import StudyPlan
from core.storage.serialisation import segment_from_json, segment_to_json
from search_spaces.study_parsing import parse_study
from study.planning.plan import make_plan
from tests.support.call_count import calls_of

FACTORS: dict[str, list[Any]] = {
    "optimizer.lr": [0.001 * step for step in range(1, 11)],
    "encoder.width": list(range(4, 24, 2)),
    "trainer.batch_size": list(range(1, 11)),
}


def big_study(**changes: Any) -> StudyPlan:
    space = [{"path": path, "values": values} for path, values in FACTORS.items()]
    settings = {"name": "big", "question": "?", "seeds": list(range(8)), "config": {"device": "cpu"}, "space": space}
    return make_plan(parse_study({**settings, **changes})).plan


def test_a_thousand_arms_with_eight_seeds_are_planned() -> None:
    plan = big_study()
    assert (len(plan.arms), len(plan.trials)) == (1000, 8000)
    assert len({trial.digest for trial in plan.trials}) == 8000
    assert {tuple(arm.settings.values()) for arm in plan.arms} == set(itertools.product(*FACTORS.values()))
    (segment,) = plan.segments
    text = segment_to_json(segment)
    assert segment_from_json(text) == segment
    assert len(text) < 4e6


def test_ten_times_the_arms_are_ten_times_the_work() -> None:
    big_study()  # Imports and caches are no work of a plan.

    def work(n: int) -> list[int]:
        space = [{"path": path, "values": values} for path, values in FACTORS.items()]
        space[0]["values"] = FACTORS["optimizer.lr"][:n]
        n_planning, plan = calls_of(lambda: big_study(space=space))
        (segment,) = plan.segments
        n_storing, text = calls_of(lambda: segment_to_json(segment))
        n_reading, _ = calls_of(lambda: segment_from_json(text))
        return [n_planning, n_storing, n_reading]

    for few, many in zip(work(1), work(10), strict=True):
        assert many < 12 * few


def test_more_arms_than_any_study_could_run_are_refused_before_they_are_made() -> None:
    space = [{"path": path, "low": 1, "high": 100_000} for path in ("data.seed", "trainer.max_steps")]
    with pytest.raises(
        ConfigError, match=r"at most 100,000 trials; this one has 80,000,000,000 \(arms: 100,000 data.seed x 100,000"
    ):
        big_study(space=space)


def test_thousands_of_values_of_one_dimension_are_no_hardship() -> None:
    def arms(n: int) -> Any:
        study = parse_study(
            {"name": "long", "question": "?", "space": [{"path": "data.seed", "values": list(range(n))}]}
        )
        return calls_of(study.named_arms)

    few, _ = arms(400)
    many, found = arms(4000)
    assert len(found) == 4000
    assert many < 12 * few
