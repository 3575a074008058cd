"""Plan and records joined: the status of every arm, and what is counted."""

from dataclasses import replace

import pytest

from core.metrics.catalog import full_names
from core.settings.synths import EngelConfig
from core.storage.records import Objective, PlanSegment
from dashboards.analysis.arm_results import with_values
from dashboards.analysis.study_results import StudyResults, front_statistics, load_results, make_results
from dashboards.tables import table_metrics
from tests.support.fake_study import ARMS, FRONT, MODULATIONS, OBJECTIVES, FakeArm, MakeStudy, without_clips


@pytest.fixture
def make_study(make_study: MakeStudy) -> MakeStudy:
    return without_clips(make_study)


def nonzero(results: StudyResults) -> dict[str, int]:
    """The counts above 0."""
    return {state: count for state, count in results.counts.items() if count}


def statuses(results: StudyResults) -> dict[str, str]:
    return {arm.name: arm.status for arm in results.arms}


def test_the_known_front_is_found(make_study: MakeStudy) -> None:
    results = load_results(make_study())
    assert {arm.name for arm in results.front} == FRONT
    assert statuses(results)["lpf-4"] == "dominated"
    assert nonzero(results) == {"planned": 14, "finished": 14}
    assert results.unfinished == {}
    assert results.is_complete


def test_results_from_records_in_memory_are_those_of_the_store(make_study: MakeStudy) -> None:
    store = make_study()
    records = {record.digest: record for record in store.ledger()}
    assert make_results(store.plan(), records) == load_results(store)


def test_records_that_are_not_given_count_as_missing(make_study: MakeStudy) -> None:
    store = make_study()
    records = {record.digest: record for record in store.ledger() if record.seed == 0}
    results = make_results(store.plan(), records)
    assert nonzero(results) == {"planned": 14, "finished": 7, "missing": 7}
    assert {arm.metrics["audio.mss"].n for arm in results.arms} == {1}


def test_trials_of_a_later_segment_belong_to_their_arm(make_study: MakeStudy) -> None:
    store = make_study()
    plan = store.plan()
    first = plan.trials[0]
    plan = plan.with_segment(PlanSegment(stage="seeds", trials=(replace(first, digest="f" * 16, seed=2),)))
    results = make_results(plan, {record.digest: record for record in store.ledger()})
    assert results.arm(first.arm).seeds == (0, 1, 2)
    assert [trial.state for trial in results.arm(first.arm).trials] == ["finished", "finished", "missing"]


def test_a_baseline_that_is_best_in_everything_neither_wins_nor_dominates(make_study: MakeStudy) -> None:
    champion = replace(ARMS[-2], mss=0.01, tv=0.01)
    results = load_results(make_study([*ARMS[:-2], champion]))
    assert statuses(results)["random-spline"] == "baseline"
    assert {arm.name for arm in results.front} == FRONT


def test_a_granular_arm_is_a_reference_and_never_on_the_front(make_study: MakeStudy) -> None:
    granular = FakeArm(name="free", mss=0.01, tv=0.01, synth=EngelConfig(control="granular"))
    results = load_results(make_study([*ARMS, granular]))
    assert statuses(results)["free"] == "granular"
    assert results.arm("free").is_granular
    assert {arm.name for arm in results.with_status("front")} == FRONT


def test_static_curves_neither_win_nor_dominate(make_study: MakeStudy) -> None:
    results = load_results(make_study([*ARMS, FakeArm(name="flat", mss=0.01, tv=0.01, range=0.049)]))
    assert statuses(results)["flat"] == "static"
    assert {arm.name for arm in results.front} == FRONT


def test_an_arm_that_lacks_an_objective_is_not_comparable(make_study: MakeStudy) -> None:
    odd = load_results(make_study([*ARMS, FakeArm(name="odd", mss=0.01, tv=None)])).arm("odd")
    assert (odd.status, odd.lacking) == ("not comparable", ("interpretability.tv",))


def test_only_finished_trials_count(make_study: MakeStudy) -> None:
    arms = [
        replace(ARMS[0], outcomes={0: "diverged"}),
        replace(ARMS[1], outcomes={1: None}),
        replace(ARMS[2], outcomes={0: "failed", 1: "failed"}),
        *ARMS[3:],
    ]
    results = load_results(make_study(arms))
    assert nonzero(results) == {"planned": 14, "finished": 10, "diverged": 1, "failed": 2, "missing": 1}
    assert results.unfinished == {"diverged": 1, "failed": 2, "missing": 1}
    assert [trial.state for trial in results.arm("frame").trials] == ["diverged", "finished"]
    assert results.arm("frame").metrics["audio.mss"].n == 1
    assert results.arm("lpf-4").status == "not comparable"


def test_a_study_without_any_record_has_no_front(make_study: MakeStudy) -> None:
    results = load_results(make_study([replace(arm, outcomes={0: None, 1: None}) for arm in ARMS]))
    assert results.front == ()
    assert results.finished_at == ""
    assert front_statistics(results).hypervolume == 0


def test_any_number_of_objectives_makes_a_front(make_study: MakeStudy) -> None:
    third = Objective(metric="interpretability.range", direction="maximize")
    arms = [replace(arm, range=0.95) if arm.name == "lpf-4" else arm for arm in ARMS]
    assert statuses(load_results(make_study(arms, objectives=(*OBJECTIVES, third))))["lpf-4"] == "front"
    alone = load_results(make_study(arms, objectives=OBJECTIVES[:1], name="single"))
    assert [arm.name for arm in alone.front] == ["frame"]


def test_the_cost_of_training_is_an_objective_too(make_study: MakeStudy) -> None:
    results = load_results(make_study(objectives=(Objective(metric="cost.train_s", direction="minimize"),)))
    # Each of the fake records says 15 s, so no arm dominates another.
    assert {arm.metrics["cost.train_s"].mean for arm in results.arms} == {15.0}
    assert len(results.front) == 5
    assert front_statistics(results).share == pytest.approx(1 - 15 / 600)


def test_the_hypervolume_reference_does_not_move_while_trials_finish(make_study: MakeStudy) -> None:
    whole = front_statistics(load_results(make_study()))
    unfinished = [
        replace(arm, outcomes={1: None} if index < 3 else {0: None, 1: None}) for index, arm in enumerate(ARMS)
    ]
    part = front_statistics(load_results(make_study(unfinished, name="part")))
    assert [bound.reference for bound in whole.bounds] == [bound.reference for bound in part.bounds]
    assert 0 < part.hypervolume < whole.hypervolume
    assert 0 < whole.share < 1
    assert whole.size == 4


def test_validation_is_another_split(make_study: MakeStudy) -> None:
    store = make_study()
    results = load_results(store, "validation")
    assert results.split == "validation"
    assert results.metrics == load_results(store).metrics


@pytest.mark.parametrize("modulations", [MODULATIONS, ("tone", "level"), ("add", "sub", "env", "pan")])
def test_metrics_are_in_the_catalogues_order(make_study: MakeStudy, modulations: tuple[str, ...]) -> None:
    results = load_results(make_study(modulations=modulations, truth=modulations))
    assert results.metrics == tuple(name for name in full_names(modulations) if not name.startswith("lfo."))


def test_metrics_of_modulations_that_only_the_truth_has_come_last(make_study: MakeStudy) -> None:
    names = load_results(make_study(modulations=("tone", "level"))).metrics
    only_true = [f"curves.{metric}.lls3.{name}" for metric in ("l1", "l1_diff", "pcc") for name in MODULATIONS]
    assert list(names[-len(only_true) :]) == sorted(only_true)
    assert "interpretability.tv.level" in names
    assert "curves.l1" not in names  # no modulation is in both the synth and the truth
    assert len(names) == len(set(names))


def test_a_metric_outside_the_catalogue_is_not_lost(make_study: MakeStudy) -> None:
    store = make_study()
    records = {
        record.digest: replace(record, metrics={"test": {"novel.metric": 1.0, **record.metrics["test"]}})
        for record in store.ledger()
    }
    results = make_results(store.plan(), records)
    assert results.metrics[-1] == "novel.metric"
    assert results.arms[0].metrics["novel.metric"].mean == 1.0


def test_a_white_box_has_the_true_synth_in_every_trained_arm(make_study: MakeStudy) -> None:
    white = load_results(make_study([replace(arm, is_white_box=not arm.is_baseline) for arm in ARMS]))
    assert white.is_white_box
    assert "curves.l1" in table_metrics(white)
    grey = load_results(make_study([replace(ARMS[0], is_white_box=False), *ARMS[1:]], name="grey"))
    assert not grey.is_white_box
    assert "curves.l1" not in table_metrics(grey)
    assert "curves.l1.lls3" in table_metrics(grey)


def test_an_arm_that_the_plan_does_not_have_is_an_error(make_study: MakeStudy) -> None:
    with pytest.raises(KeyError, match="spline-99"):
        load_results(make_study()).arm("spline-99")


def test_a_modulation_that_moves_much_less_than_the_truth_is_named(make_study: MakeStudy) -> None:
    results = load_results(make_study())
    ranges = {"": 0.5, ".add": 0.12, ".sub": 0.04, ".env": 0.9}
    arm = with_values(
        results.arms[0], {f"interpretability.range{suffix}": {0: value} for suffix, value in ranges.items()}, ()
    )
    assert results.hardly_moving(arm) == ("sub",)
    known = replace(results, truth={"interpretability.range.add": 0.6, "interpretability.range.env": 0.7})
    assert known.hardly_moving(arm) == ("add", "sub")
    assert known.hardly_moving(replace(arm, is_baseline=True)) == ()
