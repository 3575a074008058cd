"""Studies compared with a first one: matched arms, paired differences, plans and fronts."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from core.settings.parameterizations import LowPassConfig
from core.statistics.pareto import hypervolume
from core.storage.plan_changes import Change
from core.storage.records import Objective
from core.storage.store import Store
from dashboards.analysis.bounds import objective_bounds
from dashboards.analysis.study_results import StudyResults
from dashboards.comparison.study_comparison import StudyComparison, StudyPair, compare_studies
from dashboards.comparison.together import load_together
from tests.support.fake_study import ARMS, OBJECTIVES, FakeArm, MakeStudy, without_clips
from tests.support.sealed_files import edit_sealed

Make = Callable[..., Store]
FRAME, LPF_8 = ARMS[:2]


@pytest.fixture
def make(make_study: MakeStudy) -> Make:
    return without_clips(make_study)


def compare(*stores: Store) -> StudyComparison:
    return compare_studies(load_together(stores))


def pair_of(*stores: Store) -> StudyPair:
    return compare(*stores).pairs[0]


def test_a_study_compared_with_its_copy_differs_in_nothing(make: Make) -> None:
    pair = pair_of(make(name="a"), make(name="b"))
    assert pair.plan.is_empty
    assert [match.arm for match in pair.matches] == [arm.name for arm in ARMS]
    assert all(match.has_same_config for match in pair.matches)
    differences = [each.difference for match in pair.matches for each in match.differences if each.difference]
    assert {difference.estimate.mean for difference in differences} == {0.0}
    assert pair.front is not None
    assert (pair.front.difference.mean, pair.front.attainment, pair.front.paired_seeds) == (0.0, (), (0, 1))


def test_arms_match_by_config_before_they_match_by_name(make: Make) -> None:
    first = [FakeArm(name="a", mss=1, tv=1, sha256="1"), FakeArm(name="b", mss=1, tv=1, sha256="2"),
             FakeArm(name="c", mss=1, tv=1, sha256="3")]  # fmt: skip
    other = [FakeArm(name="b", mss=1, tv=1, sha256="1"), FakeArm(name="c", mss=1, tv=1, sha256="4"),
             FakeArm(name="d", mss=1, tv=1, sha256="5")]  # fmt: skip
    pair = pair_of(make(first, name="first"), make(other, name="other"))
    matches = [(match.arm, match.other_arm, match.has_same_config) for match in pair.matches]
    assert matches == [("a", "b", True), ("c", "c", False)]
    assert (pair.plan.added_arms, pair.plan.removed_arms) == (("d",), ("b",))


def test_differences_are_paired_by_the_seeds_that_both_have(make: Make) -> None:
    faster = replace(FRAME, mss=FRAME.mss - 0.1, outcomes={1: "failed"})
    pair = pair_of(make([FRAME], seeds=4, name="a"), make([faster], seeds=3, name="b"))
    (match,) = pair.matches
    mss = match.differences[0]
    assert mss.difference is not None
    assert mss.difference.seeds == (0, 2)
    values = [study.arms[0].values["audio.mss"] for study in (pair.first, pair.other)]
    assert mss.difference.estimate.mean == pytest.approx(
        np.mean([values[1][seed] - values[0][seed] for seed in (0, 2)])
    )
    assert mss.verdict == "better"
    assert match.differences[1].verdict == "open"


def test_better_follows_the_direction_of_the_objective(make: Make) -> None:
    objectives = (Objective(metric="curves.pcc", direction="maximize"), OBJECTIVES[0])
    worse = replace(FRAME, mss=FRAME.mss + 0.3)
    stores = [make([arm], seeds=3, objectives=objectives, name=name) for name, arm in (("a", FRAME), ("b", worse))]
    (match,) = pair_of(*stores).matches
    assert [(each.objective.metric, each.verdict) for each in match.differences] == [
        ("curves.pcc", "open"),
        ("audio.mss", "worse"),
    ]
    (match,) = pair_of(*reversed(stores)).matches
    assert match.differences[1].verdict == "better"


def test_what_changed_between_the_plans_is_listed(make: Make) -> None:
    changed = replace(LPF_8, parameterization=LowPassConfig(cutoff_hz=6.0))
    new = FakeArm(name="new", mss=1, tv=4.0)
    first = make([FRAME, LPF_8], name="a", study_file={"confirm": {"max_arms": 8}, "seeds": [0, 1]})
    other = make([FRAME, changed, new], seeds=3, name="b", study_file={"confirm": {"max_arms": 9}, "seeds": [0, 1, 2]})
    plan = pair_of(first, other).plan
    assert plan.changes == (
        Change(path="parameterization.cutoff_hz", before=8.0, after=6.0, arms=("lpf-8",)),
        Change(path="confirm.max_arms", before=8, after=9),
    )
    assert (plan.added_arms, plan.removed_arms) == (("new",), ())
    assert (plan.added_seeds, plan.removed_seeds) == ((2,), ())
    assert plan.has_same_code
    assert plan.data_changes == ()
    back = pair_of(other, first).plan
    assert (back.removed_arms, back.removed_seeds) == (("new",), (2,))


def edited(store: Store, old: bytes, new: bytes) -> Store:
    """The store with other text in its first plan segment."""
    edit_sealed(store, "plan/0001.json", "plan-copy/0001.json", old=old, new=new)
    return store


def test_other_code_and_other_data_are_told(make: Make) -> None:
    other = edited(make([FRAME], name="b"), b'"code_version":"0.1.0"', b'"code_version":"0.2.0"')
    plan = pair_of(make([FRAME], name="a"), edited(other, b'"train":512', b'"train":256')).plan
    assert plan.code_versions == (("0.1.0",), ("0.2.0",))
    assert not plan.has_same_code
    assert plan.data_changes == (Change(path="clips.train", before=512, after=256),)


def test_data_of_arms_that_match_no_other_are_compared_as_well(make: Make) -> None:
    other = edited(make([replace(FRAME, name="other")], name="b"), b'"n_train":384', b'"n_train":128')
    changes = pair_of(make([FRAME], name="a"), other).plan.data_changes
    assert Change(path="data.n_train", before=384, after=128) in changes


def share_by_hand(study: StudyResults, seed: int) -> float:
    """Hypervolume of the trained arms at a seed, as a share of the box."""
    bounds = [objective_bounds(objective, study.frame_rate) for objective in OBJECTIVES]
    arms = [arm for arm in study.arms if arm.is_eligible]
    points = np.array([[arm.values[o.metric][seed] for o in OBJECTIVES] for arm in arms])
    reference = [bound.reference for bound in bounds]
    return hypervolume(points, ["minimize", "minimize"], reference) / float(np.prod(reference))


def test_fronts_differ_by_their_hypervolumes_at_shared_seeds(make: Make) -> None:
    better = [replace(arm, mss=0.9 * arm.mss) for arm in ARMS]
    pair = pair_of(make(seeds=3, name="a"), make(better, seeds=5, name="b"))
    front = pair.front
    assert front is not None
    expected = [share_by_hand(pair.other, seed) - share_by_hand(pair.first, seed) for seed in range(3)]
    assert front.difference.mean == pytest.approx(np.mean(expected))
    assert front.difference.lo is not None
    assert front.difference.lo > 0
    assert front.paired_seeds == (0, 1, 2)
    assert (front.shares[0].n, front.shares[1].n) == (3, 5)
    assert {np.sign(region.difference) for region in front.attainment} <= {-1.0, 1.0}
    assert min(region.difference for region in front.attainment) == -1.0


def test_without_shared_seeds_fronts_are_compared_unpaired(make: Make) -> None:
    late = [replace(arm, outcomes=dict.fromkeys(range(3), None)) for arm in ARMS]
    better = [replace(arm, mss=0.9 * arm.mss, outcomes=dict.fromkeys(range(3, 6), None)) for arm in ARMS]
    front = pair_of(make(late, seeds=6, name="a"), make(better, seeds=6, name="b")).front
    assert front is not None
    assert (front.paired_seeds, front.attainment) == ((), ())
    assert front.difference.lo is not None
    assert 0 < front.difference.lo < front.difference.mean


def test_without_two_common_objectives_there_is_no_front(make: Make) -> None:
    one = make(objectives=OBJECTIVES[:1], name="a")
    comparison = compare(one, make(name="b"))
    assert comparison.objectives == OBJECTIVES[:1]
    assert comparison.pairs[0].front is None
    baselines = make(ARMS[5:], name="baselines")
    assert pair_of(make(name="c"), baselines).front is None


def test_more_studies_are_each_compared_with_the_first(make: Make) -> None:
    comparison = compare(make(name="a"), make(ARMS[:3], name="b"), make(ARMS[2:], name="c"))
    assert comparison.names == ("a", "b", "c")
    assert [(pair.first.plan.name, pair.other.plan.name) for pair in comparison.pairs] == [("a", "b"), ("a", "c")]
    assert [len(pair.matches) for pair in comparison.pairs] == [3, 5]


def test_a_study_that_has_no_results_yet_is_compared_by_its_plan(make: Make) -> None:
    nothing = make([replace(arm, outcomes={0: None, 1: None}) for arm in ARMS], name="b")
    pair = pair_of(make(name="a"), nothing)
    assert pair.plan.is_empty
    assert pair.front is None
    assert all(
        each.difference is None and each.verdict == "open" for match in pair.matches for each in match.differences
    )


def test_undefined_clips_of_one_study_are_left_out_of_the_other(make: Make) -> None:
    clips: Sequence[str] = ("x", "y")
    values = {"a": [[1.0, 5.0]], "b": [[2.0, np.nan]]}
    stores = []
    for name, of_frame in values.items():
        store = make([FRAME], seeds=1, name=name)
        write_values(store, clips, of_frame[0])
        stores.append(store)
    first, other = load_together(stores)
    assert first.arms[0].values["interpretability.tv"] == {0: 1.0}
    assert other.arms[0].values["interpretability.tv"] == {0: 2.0}


def write_values(store: Store, clip_ids: Sequence[str], values: Sequence[float]) -> None:
    """Total variation of the curve `add` of each clip, for the only trial of a study."""
    from core.storage.clip_values import ValuesPerClip, write_clip_values

    (trial,) = store.plan().trials
    attempt = store.committed(trial.digest)
    assert attempt is not None
    undefined = {"interpretability.tv": int(np.isnan(values).sum())}
    metric = ValuesPerClip(values=np.asarray(values)[:, None], modulations=("add",))
    write_clip_values(attempt, tuple(clip_ids), ("add",), {"interpretability.tv": metric})
    attempt.commit(replace(attempt.record(), undefined={"test": {name: n for name, n in undefined.items() if n}}))
