"""Metrics on common clips: hand-worked means, arms with too many undefined values, and arms with other modulations."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from core.storage.clip_values import ClipValues
from core.storage.records import PlannedArm, TrialRecord
from dashboards.analysis.arm_results import ArmResult, TrialResult, arm_result
from dashboards.analysis.common_clips import CommonClips, common_clips

TV = "interpretability.tv"
NAN = float("nan")
Rows = Sequence[Sequence[float]]


class Trials:
    """Arms with one finished trial per seed, and their values per clip."""

    def __init__(self, modulations: tuple[str, ...] = ("add", "env")) -> None:
        self.modulations = modulations
        self.arms: list[ArmResult] = []
        self.values: dict[str, ClipValues] = {}

    def add(
        self, name: str, *by_seed: Rows, is_baseline: bool = False, applies: tuple[bool, ...] | None = None
    ) -> "Trials":
        """An arm whose trials have total variations (clip, modulation)."""
        trials = []
        for seed, rows in enumerate(by_seed):
            digest = f"{name}-{seed}"
            table = np.array(rows, dtype=np.float32)
            mask = np.array(applies or (True,) * len(self.modulations))
            self.values[digest] = ClipValues(
                clip_ids=tuple(f"clip-{index}" for index in range(len(table))),
                modulations=self.modulations,
                columns={TV: table},
                applies={TV: mask},
            )
            n_undefined = int(np.isnan(table[:, mask]).sum())
            record = TrialRecord(
                digest=digest, study="s", arm=name, seed=seed, attempt="0", outcome="finished", config={},
                metrics={"test": {TV: 1.0, "interpretability.range": 0.8}},
                undefined={"test": {TV: n_undefined}} if n_undefined else {},
            )  # fmt: skip
            trials.append(TrialResult(digest=digest, seed=seed, record=record))
        planned = PlannedArm(name=name, settings={}, config={}, sha256=name, is_baseline=is_baseline)
        self.arms.append(arm_result(planned, trials, factors={}, objectives=(TV,), split="test"))
        return self

    def common(self) -> Mapping[str, CommonClips]:
        return common_clips(self.arms, lambda digest, _: self.values.get(digest))


def test_means_are_over_the_pairs_that_all_arms_have_defined() -> None:
    trials = Trials().add("a", [[1, 2], [3, 4], [5, 6]]).add("b", [[10, NAN], [30, 40], [NAN, 60]])
    common = trials.common()[TV]
    # add on clips 0 and 1, env on clips 1 and 2.
    assert common.values[f"{TV}.add"] == {"a": {0: 2.0}, "b": {0: 20.0}}
    assert common.values[f"{TV}.env"] == {"a": {0: 5.0}, "b": {0: 50.0}}
    assert common.values[TV] == {"a": {0: 3.5}, "b": {0: 35.0}}
    assert (common.n_common, common.n_pairs) == (4, 6)
    assert common.share_left_out == pytest.approx(1 / 3)
    assert common.undefined == {"a": 0.0, "b": pytest.approx(1 / 3)}


def test_each_seed_has_its_own_common_pairs() -> None:
    trials = Trials(("env",)).add("a", [[1], [3]], [[5], [7]]).add("b", [[1], [NAN]], [[1], [1]])
    common = trials.common()[TV]
    assert common.values[TV]["a"] == {0: 1.0, 1: 6.0}
    assert common.n_common == 1.5


def test_an_arm_that_leaves_too_few_pairs_is_not_compared() -> None:
    full = [[float(clip), float(clip)] for clip in range(8)]
    flat = [[1.0, NAN]] + [[NAN, NAN]] * 7
    trials = Trials().add("flat", flat).add("a", full).add("b", full)
    common = trials.common()[TV]
    assert common.compared == ("a", "b")
    assert common.excluded == {"flat": pytest.approx(15 / 16)}
    assert common.n_common == 16
    assert "flat" not in common.values[TV]


def test_an_arm_with_few_undefined_values_is_compared_even_if_it_would_leave_too_few_pairs() -> None:
    n_arms, n_clips = 30, 40
    trials = Trials(("env",))
    for arm in range(n_arms):
        rows = [[float(clip)] for clip in range(n_clips)]
        # Each arm lacks other clips: all together leave none.
        for clip in (2 * arm % n_clips, (2 * arm + 1) % n_clips):
            rows[clip] = [NAN]
        trials.add(f"arm-{arm}", rows)
    common = trials.common()[TV]
    assert len(common.compared) == 15
    assert len(common.partial) == n_arms - 15
    assert common.excluded == {}
    assert common.n_common == 10
    assert set(common.values[TV]) == {arm.name for arm in trials.arms}


def test_a_baseline_narrows_nothing_and_is_averaged_over_what_it_has() -> None:
    trials = Trials(("env",)).add("a", [[1], [NAN], [3]]).add("random", [[NAN], [10], [30]], is_baseline=True)
    common = trials.common()[TV]
    assert common.values[TV] == {"a": {0: 2.0}, "random": {0: 30.0}}


def test_a_modulation_that_an_arm_does_not_have_narrows_nothing_for_the_others() -> None:
    trials = Trials().add("both", [[1, 2], [3, NAN]]).add("only env", [[NAN, 5], [NAN, 7]], applies=(False, True))
    common = trials.common()[TV]
    assert common.values[f"{TV}.add"] == {"both": {0: 2.0}}
    assert common.values[f"{TV}.env"] == {"both": {0: 2.0}, "only env": {0: 5.0}}


def test_arms_without_undefined_values_need_no_values_per_clip() -> None:
    trials = Trials().add("a", [[1, 2]])
    assert common_clips(trials.arms, lambda _, __: pytest.fail("nothing need be read")) == {}


def test_there_is_no_comparison_if_an_arm_lacks_values_per_clip() -> None:
    trials = Trials().add("a", [[1, NAN]]).add("b", [[1, 2]])
    del trials.values["b-0"]
    assert trials.common() == {}


def test_equal_arms_have_equal_means_whatever_is_undefined() -> None:
    rng = np.random.default_rng(0)
    table = rng.random((20, 2))
    holes = np.where(rng.random((20, 2)) < 0.2, NAN, table)
    common = Trials().add("full", table.tolist()).add("holes", holes.tolist()).common()[TV]
    assert common.values[TV]["full"] == common.values[TV]["holes"]


def test_the_order_of_arms_does_not_matter() -> None:
    trials = Trials().add("a", [[1, NAN], [2, 3]]).add("b", [[4, 5], [NAN, 6]]).add("c", [[7, 8], [9, 1]])
    reversed_trials = replace_arms(trials)
    assert reversed_trials.common()[TV].values == trials.common()[TV].values


def replace_arms(trials: Trials) -> Trials:
    """The same trials with the arms in reverse order."""
    other = Trials(trials.modulations)
    other.arms, other.values = [replace(arm) for arm in reversed(trials.arms)], trials.values
    return other
