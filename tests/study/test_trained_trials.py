"""Which trial of a study is used on other sounds: arm by the verdict, seed by the validation split."""

from pathlib import Path

import pytest

from core.errors import StudyError
from core.storage.records import PlannedTrial, StudyPlan
from core.storage.store import Store
from study.trained_trials import trial_to_apply
from tests.support.tiny_study import commit, create_study, record_of, tiny_plan

SEEDS = list(range(8))


def study_of(folder: Path, lpf_tv: float, seeds: list[int] = SEEDS, skip: tuple[str, ...] = ()) -> Store:
    """A study in which `lpf-8` loses a little sound and has another total variation; seed 3 is best on validation."""
    plan = tiny_plan(seeds=seeds)
    store = create_study(folder / "tiny", plan)
    for trial in plan.trials:
        if trial.arm not in skip:
            commit(store, trial, metrics=metrics_of(plan, trial, lpf_tv))
    return store


def metrics_of(plan: StudyPlan, trial: PlannedTrial, lpf_tv: float) -> dict[str, dict[str, float]]:
    noise = 0.001 * (trial.seed % 3)
    mss = {"lpf-8": 0.51, "frame": 0.5, "constant": 2.0}[trial.arm] + noise
    tv = {"lpf-8": lpf_tv, "frame": 3.0, "constant": 0.0}[trial.arm] + noise
    values = {"audio.mss": mss, "interpretability.tv": tv, "interpretability.range": 0.5}
    validation = {**values, "audio.mss": abs(trial.seed - 3) + 0.1}
    assert record_of(plan, trial).metrics
    return {"test": values, "validation": validation}


def test_the_pick_of_a_decided_verdict_is_taken_and_its_best_seed(tmp_path: Path) -> None:
    chosen = trial_to_apply(study_of(tmp_path, lpf_tv=1.0), "tiny")
    assert (chosen.record.arm, chosen.record.seed) == ("lpf-8", 3)
    assert chosen.reason == "the pick of the verdict, the best of 8 seeds by validation audio.mss"


def test_the_most_accurate_arm_is_taken_while_the_verdict_is_open(tmp_path: Path) -> None:
    chosen = trial_to_apply(study_of(tmp_path, lpf_tv=1.0, seeds=[2, 5]), "tiny")
    assert (chosen.record.arm, chosen.record.seed) == ("frame", 2)
    assert chosen.reason == "the arm with the best audio.mss so far, the best of 2 seeds by validation audio.mss"


def test_arm_and_seed_may_be_named(tmp_path: Path) -> None:
    store = study_of(tmp_path, lpf_tv=1.0)
    chosen = trial_to_apply(store, "tiny", "frame", 6)
    assert (chosen.record.arm, chosen.record.seed) == ("frame", 6)
    assert chosen.reason == "the arm that was named, seed 6 as asked for"


def test_what_cannot_be_applied_is_refused(tmp_path: Path) -> None:
    store = study_of(tmp_path, lpf_tv=1.0, seeds=[1, 2], skip=("frame",))
    for arm, seed, message in (
        ("lpf", None, "there is no arm 'lpf'; did you mean lpf-8?"),
        ("constant", None, "the curves of constant do not depend on the sound; arms with one: lpf-8, frame"),
        ("frame", None, "no trial of frame has finished yet"),
        ("lpf-8", 4, "lpf-8 has no finished trial of seed 4; finished seeds: 1, 2"),
    ):
        with pytest.raises(StudyError) as error:
            trial_to_apply(store, "tiny", arm, seed)
        assert message in str(error.value)
    empty = create_study(tmp_path / "other" / "tiny", tiny_plan())
    with pytest.raises(StudyError, match="no trained arm of tiny has finished yet"):
        trial_to_apply(empty, "tiny")
