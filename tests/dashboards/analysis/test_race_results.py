"""What a report says about a race: verdicts on validation values of the trials that have ended."""

from dataclasses import replace
from pathlib import Path

from core.storage.records import PlanSegment
from core.storage.store import Store
from dashboards.analysis.comparisons import comparisons
from dashboards.analysis.race_results import RaceResults, race_results
from dashboards.analysis.study_results import load_results
from tests.support.fake_stages import RACING, fake_race
from tests.support.fake_study import MakeStudy


def results_of(store: Store) -> RaceResults:
    results = race_results(store.plan(), {record.digest: record for record in store.ledger()})
    assert results is not None
    return results


def test_a_finished_race_has_verdicts_and_saves_trials(tmp_path: Path) -> None:
    race = results_of(fake_race(tmp_path / "race", n_clips=0))
    assert race.verdict.is_over
    assert set(race.verdict.arms) == {"frame", "lpf-8", "lpf-4", "spline-8", "spline-16", "spline-9"}
    assert {"frame", "lpf-8", "spline-16"} <= set(race.verdict.with_status("front"))
    assert race.verdict.with_status("dominated") == ("lpf-4",)
    assert set(race.undecided) == {"spline-8", "spline-9"}
    assert race.n_trials_of_full_design == 48
    assert race.n_trials == sum(arm.n_seeds for arm in race.verdict.arms.values()) < 48


def test_baselines_have_no_verdict(tmp_path: Path) -> None:
    results = load_results(fake_race(tmp_path / "race", n_clips=0))
    assert results.race is not None
    assert results.race.verdict_on("constant") is None
    assert not any(results.is_undecided(arm) for arm in results.arms if arm.is_baseline)
    assert [arm.name for arm in results.arms if results.is_undecided(arm)] == ["spline-8", "spline-9"]


def test_a_race_uses_validation_values_only(tmp_path: Path) -> None:
    store = fake_race(tmp_path / "race", n_clips=0)
    plan, records = store.plan(), {record.digest: record for record in store.ledger()}
    without_test = {
        digest: replace(record, metrics={"validation": record.metrics["validation"]})
        for digest, record in records.items()
    }
    assert race_results(plan, without_test) == race_results(plan, records)


def test_a_race_that_goes_on_waits_for_the_trials_of_its_last_round(tmp_path: Path) -> None:
    store = fake_race(tmp_path / "race", n_rounds=1, n_clips=0)
    plan, records = store.plan(), {record.digest: record for record in store.ledger()}
    last = plan.segments[-1].trials
    del records[last[0].digest]
    race = race_results(plan, records)
    assert race is not None
    assert race.verdict.needed == ((last[0].arm, last[0].seed),)
    assert race.verdict.peek == 3


def test_a_trial_that_was_cancelled_will_run_again(tmp_path: Path) -> None:
    store = fake_race(tmp_path / "race", n_rounds=1, n_clips=0)
    plan, records = store.plan(), {record.digest: record for record in store.ledger()}
    last = plan.segments[-1].trials
    records[last[0].digest] = replace(records[last[0].digest], outcome="cancelled", metrics={})
    race = race_results(plan, records)
    assert race is not None
    assert race.verdict.needed == ((last[0].arm, last[0].seed),)


def test_a_trial_without_a_record_does_not_hold_up_the_rounds_after_it(tmp_path: Path) -> None:
    """It was given up, or the race would not have gone on."""
    store = fake_race(tmp_path / "race", n_clips=0)
    plan, records = store.plan(), {record.digest: record for record in store.ledger()}
    assert len(plan.segments) > 1
    del records[plan.segments[0].trials[0].digest]
    race = race_results(plan, records)
    assert race is not None
    assert race.verdict.peek > 3


def test_a_study_without_trained_arms_or_race_has_none(make_study: MakeStudy, tmp_path: Path) -> None:
    assert load_results(make_study(n_clips=0)).race is None
    store = fake_race(tmp_path / "race", n_rounds=0, n_clips=0)
    plan = store.plan()
    baselines = PlanSegment(stage="design", arms=tuple(arm for arm in plan.arms if arm.is_baseline))
    assert race_results(replace(plan, segments=(baselines,)), {}) is None


def test_no_test_is_made_where_a_race_chose_the_number_of_seeds(tmp_path: Path) -> None:
    compared = comparisons(load_results(fake_race(tmp_path / "race", RACING, n_clips=0)))
    assert compared
    assert all(c.adjusted_p is None and c.difference.p_value is None for c in compared)
