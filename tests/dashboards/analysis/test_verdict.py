"""Verdicts on studies whose values per seed are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.storage.records import Objective
from dashboards.analysis.arm_results import with_values
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import StudyResults, front_arms, load_results
from dashboards.analysis.verdict import TOLERANCE, Verdict, make_verdict, time_of_seeds
from dashboards.finding_sentences import verdict_sentence
from tests.support.fake_study import OBJECTIVES, FakeArm, fake_study

MSS, TV = (objective.metric for objective in OBJECTIVES)
SPREAD = np.array([-1.0, 1.0, -0.5, 0.5, -0.8, 0.8, -0.2, 0.2])
"""Deviations of eight seeds with a mean of zero."""


def study(
    tmp_path: Path, n_seeds: int = 8, objectives: tuple[Objective, ...] = OBJECTIVES, **arms: tuple[float, float]
) -> StudyResults:
    """Results of arms with these means of both objectives, and deviations of 1 % of a mean that differ between arms."""
    store = fake_study(
        tmp_path / "study",
        [FakeArm(name=name, mss=1.0, tv=1.0) for name in arms],
        seeds=n_seeds,
        n_clips=0,
        objectives=objectives,
    )
    results = load_results(store)
    names = [objective.metric for objective in objectives]
    made = []
    for shift, (arm, means) in enumerate(zip(results.arms, arms.values(), strict=True)):
        noise = np.roll(SPREAD[:n_seeds], shift)
        values = {
            name: {seed: mean * (1 + 0.01 * noise[seed]) for seed in range(n_seeds)}
            for name, mean in zip((MSS, TV), means, strict=True)
        }
        made.append(with_values(arm, arm.values | values, names))
    front = front_arms(made, objectives)
    placed = tuple(replace(arm, status="front" if arm.name in front else "dominated") for arm in made)
    return replace(results, arms=placed)


def verdict(tmp_path: Path, n_seeds: int = 8, **arms: tuple[float, float]) -> Verdict:
    return make_verdict(study(tmp_path, n_seeds, OBJECTIVES, **arms))


def test_a_calmer_arm_that_sounds_as_good_is_picked(tmp_path: Path) -> None:
    results = study(tmp_path, frame=(1.0, 10.0), calm=(1.02, 7.0), dull=(1.5, 2.0))
    found = make_verdict(results)
    assert (found.state, found.pick, found.most_accurate) == ("decided", "calm", "frame")
    assert found.most_interpretable == "calm"
    assert found.loss is not None
    assert found.gain is not None
    assert found.loss.share == pytest.approx(0.02, abs=0.005)
    assert found.gain.share == pytest.approx(-0.3, abs=0.005)
    sentence = verdict_sentence(StudyAnalysis(results))
    assert sentence.startswith("Pick calm: its sound is within 5 % of the best, frame's,")
    assert "its curves are 30 % calmer" in sentence


def test_an_arm_that_is_best_in_both_is_picked(tmp_path: Path) -> None:
    found = verdict(tmp_path, good=(1.0, 1.0), bad=(2.0, 2.0))
    assert (found.state, found.pick, found.knee) == ("decided", "good", "good")
    assert found.loss is None


def test_the_most_accurate_arm_is_picked_if_the_others_are_beyond_the_tolerance(tmp_path: Path) -> None:
    found = verdict(tmp_path, frame=(1.0, 10.0), calm=(1.2, 7.0), dull=(1.5, 2.0))
    assert (found.state, found.pick, found.most_interpretable) == ("decided", "frame", "frame")


def test_a_larger_tolerance_picks_a_calmer_arm(tmp_path: Path) -> None:
    results = study(tmp_path, frame=(1.0, 10.0), calm=(1.2, 7.0), dull=(1.5, 2.0))
    assert make_verdict(results, tolerance=0.3).pick == "calm"
    assert make_verdict(results, tolerance=0.6).pick == "dull"


def test_of_arms_that_cannot_be_told_apart_in_calmness_the_more_accurate_is_picked(tmp_path: Path) -> None:
    found = verdict(tmp_path, frame=(1.0, 10.0), first=(1.01, 7.0), second=(1.03, 6.99))
    assert (found.pick, found.most_interpretable, found.ties) == ("first", "second", ("second",))


@pytest.mark.parametrize("n_seeds", [2, 5])
def test_fewer_than_six_seeds_decide_nothing(tmp_path: Path, n_seeds: int) -> None:
    results = study(tmp_path, n_seeds, frame=(1.0, 10.0), calm=(1.02, 7.0))
    found = make_verdict(results)
    assert (found.state, found.pick) == ("open", "calm")
    assert all(question.seeds_needed is None or question.seeds_needed >= 6 for question in found.questions)
    assert verdict_sentence(StudyAnalysis(results)).startswith(f"{n_seeds} seeds cannot decide between calm and frame")


def test_a_loss_that_may_exceed_the_tolerance_is_an_open_question_with_its_price(tmp_path: Path) -> None:
    results = study(tmp_path, frame=(1.0, 10.0), calm=(1.043, 7.0))
    found = make_verdict(results)
    assert (found.state, found.pick) == ("open", "calm")
    (question,) = found.questions
    assert (question.change.objective.metric, question.n_seeds) == (MSS, 8)
    assert question.margin == pytest.approx(TOLERANCE)
    assert question.seeds_needed is not None
    assert question.seeds_needed > 8
    assert question.cost_s == pytest.approx(time_of_seeds(results, question.seeds_needed - 8))
    sentence = verdict_sentence(StudyAnalysis(results, root="my runs"))
    assert f"`modstudy extend study --seeds {question.seeds_needed} --root 'my runs'`" in sentence


def test_a_number_of_seeds_is_not_promised_to_decide_what_it_would_not(tmp_path: Path) -> None:
    results = study(tmp_path, frame=(1.0, 10.0), near=(1.0505, 9.0), farther=(1.054, 8.0))
    found = make_verdict(results)
    assert (found.state, found.pick) == ("open", "frame")
    needed = {question.change.arm: question.seeds_needed for question in found.questions}
    assert needed["near"] is None
    assert needed["farther"] is not None
    sentence = verdict_sentence(StudyAnalysis(results))
    assert f"--seeds {needed['farther']}`; between near and frame in audio.mss even 64 probably would not." in sentence


def test_one_seed_is_an_example(tmp_path: Path) -> None:
    results = study(tmp_path, 1, frame=(1.0, 10.0), calm=(1.02, 7.0))
    assert make_verdict(results).state == "one seed"
    assert "example" in verdict_sentence(StudyAnalysis(results))


def test_with_one_objective_the_best_arm_is_picked_if_it_is_better_than_all(tmp_path: Path) -> None:
    results = study(tmp_path, objectives=OBJECTIVES[:1], good=(1.0, 1.0), bad=(1.5, 1.0))
    assert make_verdict(results).state == "decided"
    close = study(tmp_path / "close", objectives=OBJECTIVES[:1], good=(1.0, 1.0), other=(1.001, 1.0))
    found = make_verdict(close)
    assert (found.state, found.ties) == ("open", ("other",))
    assert verdict_sentence(StudyAnalysis(close)).startswith("8 seeds cannot decide between good and other")


def test_larger_is_better_where_the_objective_says_so(tmp_path: Path) -> None:
    objectives = (Objective(metric=MSS, direction="maximize"), Objective(metric=TV, direction="minimize"))
    found = make_verdict(study(tmp_path, objectives=objectives, loud=(2.0, 10.0), calm=(1.96, 7.0), low=(1.0, 1.0)))
    assert (found.state, found.pick, found.most_accurate) == ("decided", "calm", "loud")


def test_without_an_arm_the_reason_is_given(tmp_path: Path) -> None:
    store = fake_study(tmp_path / "static", [FakeArm(name="flat", mss=1.0, tv=1.0, range=0.01)], n_clips=0)
    analysis = StudyAnalysis(load_results(store))
    assert analysis.verdict.state == "no arm"
    assert verdict_sentence(analysis) == "No arm can be picked: the curves of flat hardly move."


def test_time_of_further_seeds_is_that_of_all_arms_at_the_present_rate(tmp_path: Path) -> None:
    # Records of made-up trials take 17.3 s each, and all of them run at the same time.
    results = study(tmp_path, 2, a=(1.0, 1.0), b=(1.0, 1.0))
    assert time_of_seeds(results, 6) == pytest.approx(6 * 2 * 17.3 / 4)
