"""Search: equal budgets in all cells, rounds that depend on whole rounds only, infeasible and repeated proposals."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from core.storage.records import Outcome
from search_spaces.cell_search import MAX_REJECTED, RANDOM_AFTER
from search_spaces.dimensions import Dimension
from search_spaces.domains import choice
from search_spaces.ranges import Integer, LogUniform
from search_spaces.samplers.base import Sampler, TriedPoint
from search_spaces.samplers.random import RandomSampler
from search_spaces.samplers.settings import (
    CustomSamplerConfig,
    GaussianProcessSamplerConfig,
    Nsga2SamplerConfig,
    QuasiRandomSamplerConfig,
    RandomSamplerConfig,
    SamplerConfig,
    TpeSamplerConfig,
)
from search_spaces.search import Search
from search_spaces.space import Point, Space
from search_spaces.strategy import Arm, History, Round
from tests.support.searching import after, history_of, planned, rate_error, rounds_of, search_of

KIND, LR = "parameterization.kind", "optimizer.lr"
CUTOFF, SEGMENTS = "parameterization.cutoff_hz", "parameterization.n_segments"
RATE = Dimension(path=LR, domain=LogUniform(low=1e-4, high=1e-1))
WIDTHS = Dimension(path="encoder.width", domain=choice([1, 2, 3, 4, 5]))
KINDS = Dimension(path=KIND, domain=choice(["frame", "low_pass", "spline"]))
NUMBERS = Dimension(path=SEGMENTS, domain=Integer(low=2, high=12), when={KIND: ("spline",)})
TOO_MANY = Dimension(path=SEGMENTS, domain=Integer(low=2, high=60), when={KIND: ("spline",)})
"""Numbers of segments of which two thirds leave too few frames for each."""
SPLINE = {"parameterization.kind": "spline"}


def arms_of(rounds: Sequence[Round]) -> list[Arm]:
    return [arm for proposal in rounds for arm in proposal.arms]


def design(*arms: Arm) -> Round:
    return Round(stage="design", arms=arms, trials=tuple((arm.name, 0) for arm in arms))


class TestCells:
    def test_cells_have_equal_budgets_and_share_rounds(self) -> None:
        rounds = rounds_of(search_of(RATE, NUMBERS, grid=[KINDS], arms_per_cell=5, round_size=2))
        assert [len(proposal.arms) for proposal in rounds] == [6, 6, 3]
        names = [arm.name for arm in arms_of(rounds)]
        kinds = ("frame", "low_pass", "spline")
        assert sorted(names) == [f"{kind} {number:03d}" for kind in kinds for number in range(5)]
        assert [arm.name for arm in rounds[0].arms[:3]] == ["frame 000", "frame 001", "low_pass 000"]

    def test_every_arm_runs_with_all_seeds_of_the_search(self) -> None:
        for proposal in rounds_of(search_of(RATE, grid=[KINDS], arms_per_cell=2, seeds=(7, 9))):
            assert set(proposal.trials) == {(arm.name, seed) for arm in proposal.arms for seed in (7, 9)}
            assert proposal.stage == "search"

    def test_cells_do_not_depend_on_other_cells(self) -> None:
        all_cells = arms_of(rounds_of(search_of(RATE, grid=[KINDS], round_size=5)))
        fewer = Dimension(path=KIND, domain=choice(["spline", "frame"]))
        two_cells = arms_of(rounds_of(search_of(RATE, grid=[fewer])))
        for kind in ("spline", "frame"):
            in_all, in_two = ([arm for arm in arms if arm.name.startswith(kind)] for arms in (all_cells, two_cells))
            assert in_all == in_two

    def test_cells_draw_different_points(self) -> None:
        arms = arms_of(rounds_of(search_of(RATE, grid=[KINDS], round_size=5)))
        assert len({arm.settings[LR] for arm in arms}) == 30

    def test_a_cell_without_dimensions_has_one_arm(self) -> None:
        search = search_of(NUMBERS, grid=[KINDS], arms_per_cell=3)
        history = history_of()
        while proposal := search.propose(history):
            history = after(history, proposal)
        cells = [tried.arm.name.rpartition(" ")[0] for tried in history.arms]
        assert sorted(cells) == ["frame", "low_pass", "spline", "spline", "spline"]
        assert search.remarks(history.asks) == (
            "cell 'frame' ended with 1 of 3 arms: its space has no other points",
            "cell 'low_pass' ended with 1 of 3 arms: its space has no other points",
        )

    def test_search_without_a_grid_names_its_arms_plainly(self) -> None:
        assert [arm.name for arm in arms_of(rounds_of(search_of(RATE)))] == [f"search {n:03d}" for n in range(10)]


class TestRestart:
    @settings(max_examples=8, deadline=None)
    @given(st.integers(0, 1000), st.integers(1, 7), st.integers(1, 4), st.sampled_from(["random", "tpe", "nsga2"]))
    def test_restarted_search_proposes_the_same_from_any_round(
        self, seed: int, n_arms: int, round_size: int, kind: str
    ) -> None:
        samplers: dict[str, SamplerConfig] = {
            "random": RandomSamplerConfig(seed=seed),
            "tpe": TpeSamplerConfig(seed=seed, n_startup=1),
            "nsga2": Nsga2SamplerConfig(seed=seed, population_size=2),
        }

        def search() -> Search:
            return search_of(
                RATE,
                TOO_MANY,
                grid=[KINDS],
                sampler=samplers[kind],
                arms_per_cell=n_arms + 2,
                round_size=None if kind == "nsga2" else min(round_size, n_arms),
            )

        rounds = rounds_of(search())
        history = history_of()
        for number, proposal in enumerate(rounds):
            # Killed here, before the round was stored or after it, the search goes on in the same way.
            assert search().propose(history) == proposal
            history = after(history, proposal)
            assert [ask.number for ask in history.asks if ask.cell == "spline"] == list(
                range(sum(ask.cell == "spline" for ask in history.asks))
            ), number
        assert search().propose(history) is None

    def test_larger_search_goes_on_where_a_smaller_one_ended(self) -> None:
        smaller = rounds_of(search_of(RATE, arms_per_cell=4, round_size=2))
        history = history_of()
        for proposal in smaller:
            history = after(history, proposal)
        more = rounds_of(search_of(RATE, arms_per_cell=9, round_size=2), history)
        assert arms_of(smaller) + arms_of(more) == arms_of(rounds_of(search_of(RATE, arms_per_cell=9, round_size=2)))


class Constant(Sampler):
    """A sampler that proposes one point for ever."""

    def sample(self, space: Space, number: int, tried: Sequence[TriedPoint]) -> Point:  # noqa: ARG002
        return space.point_at({LR: 0.5})


class Recorder(Sampler):
    """A random sampler that remembers what it was told."""

    told: list[list[TriedPoint]]

    def __init__(self, *, seed: int) -> None:
        self.seed, self.told = seed, []

    def sample(self, space: Space, number: int, tried: Sequence[TriedPoint]) -> Point:
        self.told.append(list(tried))
        return RandomSampler(self.seed).sample(space, number, tried)


class TestResults:
    def recorded(self, values: Any, *dimensions: Dimension) -> list[list[TriedPoint]]:
        """What the sampler was told at each of 4 proposals, in rounds of 2."""
        config = CustomSamplerConfig(path="tests.support.custom_sampler:Shifted")
        search = search_of(*(dimensions or (RATE,)), sampler=config, arms_per_cell=4, round_size=2)
        recorder = Recorder(seed=1)
        search = replace(search, cells=(replace(search.cells[0], sampler=recorder),))
        rounds_of(search, values=values)
        return recorder.told

    def test_sampler_is_told_the_means_of_whole_earlier_rounds_to_be_minimised(self) -> None:
        told = self.recorded(rate_error)
        assert [[each.state for each in tried] for tried in told] == [
            [],
            ["pending"],
            ["complete", "complete"],
            ["complete", "complete", "pending"],
        ]
        for each in told[-1][:2]:
            rate = each.point.settings[LR]
            error = [rate_error(each.point.settings, seed)["audio.mss"] or 0.0 for seed in (1000, 1001)]
            assert each.values == pytest.approx((sum(error) / 2, -rate))

    @pytest.mark.parametrize("outcome", ["diverged", "nan", "failed", "stopped", "out_of_memory"])
    def test_arm_with_a_trial_without_values_has_failed(self, outcome: Outcome) -> None:
        def values(settings: Mapping[str, Any], seed: int) -> Any:
            return outcome if seed == 1001 else rate_error(settings, seed)

        told = self.recorded(values)
        assert [(each.state, each.values) for each in told[-1][:2]] == [("failed", ())] * 2

    @pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
    def test_arm_with_an_undefined_objective_has_failed(self, value: float | None) -> None:
        def values(settings: Mapping[str, Any], seed: int) -> Any:
            return {**rate_error(settings, seed), "interpretability.range": value if seed == 1000 else 1.0}

        assert [each.state for each in self.recorded(values)[-1][:2]] == ["failed"] * 2


class TestRejected:
    def test_infeasible_points_are_recorded_with_the_rule_and_not_run(self) -> None:
        rounds = rounds_of(search_of(TOO_MANY, grid=[KINDS], arms_per_cell=3, round_size=1))
        asks = [ask for proposal in rounds for ask in proposal.asks if ask.cell == "spline"]
        infeasible = [ask for ask in asks if ask.arm is None]
        assert infeasible
        assert all(ask.problem is not None and "n_segments" in ask.problem for ask in infeasible)
        assert all(ask.problem is None for ask in asks if ask.arm is not None)
        assert sum(arm.name.startswith("spline") for arm in arms_of(rounds)) == 3
        assert [ask.number for ask in asks] == list(range(len(asks)))
        first_asks = {ask.arm: ask.number for ask in reversed(asks) if ask.arm}
        assert all(arm == f"spline {number:03d}" for arm, number in first_asks.items())

    def test_a_cell_of_infeasible_points_ends_with_a_remark(self) -> None:
        kinds = Dimension(path=KIND, domain=choice(["spline"]))
        rarely = Dimension(path=SEGMENTS, domain=Integer(low=2, high=30_000), when={KIND: ("spline",)})
        search = search_of(RATE, rarely, grid=[kinds], arms_per_cell=3)
        (proposal,) = rounds_of(search)
        assert (proposal.arms, proposal.trials) == ((), ())
        assert len(proposal.asks) == MAX_REJECTED
        (remark,) = search.remarks(proposal.asks)
        assert remark.startswith("cell 'spline' ended with 0 of 3 arms: 50 proposals in a row were infeasible")
        assert str(proposal.asks[-1].problem) in remark

    def test_a_sampler_that_repeats_itself_for_ever_is_followed_by_random_points(self) -> None:
        search = search_of(RATE, arms_per_cell=4, round_size=2)
        search = replace(search, cells=(replace(search.cells[0], sampler=Constant(), sampler_kind="custom"),))
        asks = [ask for proposal in rounds_of(search) for ask in proposal.asks]
        assert [ask.sampler for ask in asks] == ["custom", *3 * [*["custom"] * RANDOM_AFTER, "random"]]
        assert [ask.arm for ask in asks if ask.sampler == "random"] == ["search 006", "search 012", "search 018"]

    def test_no_arm_is_run_twice_and_a_small_space_is_exhausted(self) -> None:
        rounds = rounds_of(search_of(WIDTHS, arms_per_cell=20, round_size=2))
        assert [len(proposal.arms) for proposal in rounds] == [2, 2, 1]
        assert {arm.settings["encoder.width"] for arm in arms_of(rounds)} == {1, 2, 3, 4, 5}

    def test_a_repeated_point_names_the_earlier_arm_and_has_its_values(self) -> None:
        search = search_of(WIDTHS, arms_per_cell=5, round_size=5)
        (proposal,) = rounds_of(search)
        history = after(history_of(), proposal)
        width = {arm.name: arm.settings["encoder.width"] for arm in proposal.arms}
        assert len(proposal.asks) > 5
        tried = search.cells[0].tried(history)
        for ask, point in zip(proposal.asks, tried, strict=True):
            assert width[str(ask.arm)] == ask.settings["encoder.width"]
            assert point.values
        states = [point.state for point in tried]
        assert (states.count("complete"), states.count("repeated")) == (5, len(states) - 5)

    def test_an_arm_of_a_design_runs_with_the_seeds_of_the_search(self) -> None:
        history = after(history_of(), design(*(Arm(f"width {width}", {"encoder.width": width}) for width in (1, 2, 3))))
        rounds = rounds_of(search_of(WIDTHS, arms_per_cell=5, round_size=5), history)
        (proposal,) = rounds
        assert {arm.settings["encoder.width"] for arm in proposal.arms} == {4, 5}
        assert {name for name, _ in proposal.trials} >= {"width 1", "width 2", "width 3"}
        assert len(proposal.trials) == 10

    def test_arms_of_designs_do_not_count_as_arms_of_the_search(self) -> None:
        history = after(history_of(), design(*(Arm(f"width {width}", {"encoder.width": width}) for width in (11, 12))))
        assert len(arms_of(rounds_of(search_of(WIDTHS, arms_per_cell=4, round_size=2), history))) == 4


class TestAsynchronous:
    def test_one_arm_of_the_cell_with_fewest_is_proposed_at_a_time(self) -> None:
        search = search_of(RATE, grid=[KINDS], mode="asynchronous", arms_per_cell=2)
        assert not search.waits
        history, names = history_of(), []
        while proposal := search.propose(history):
            names += [arm.name for arm in proposal.arms]
            history = planned(history, proposal)
        assert names == [f"{kind} {number:03d}" for number in range(2) for kind in ("frame", "low_pass", "spline")]

    def test_running_arms_are_pending_also_when_one_seed_has_ended(self) -> None:
        search = search_of(RATE, mode="asynchronous")
        first = search.propose(history_of())
        assert first is not None
        history = planned(history_of(), first)
        second = search.propose(history)
        assert second is not None
        history = after(history, replace(first, arms=(), asks=(), trials=()))
        half = replace(first, arms=(), asks=(), trials=first.trials[:1])
        (tried,) = search.cells[0].tried(ended_in(history, half))
        assert tried.state == "pending"

    def test_rounds_are_the_default(self) -> None:
        assert search_of(RATE).waits


def ended_in(history: History, proposal: Round) -> History:
    """The history in which some planned trials have ended."""
    pairs = set(proposal.trials)
    return replace(
        history,
        arms=tuple(
            replace(
                tried,
                trials=tuple(
                    replace(trial, outcome="finished", values=dict(rate_error(tried.arm.settings, trial.seed)))
                    if (tried.arm.name, trial.seed) in pairs
                    else trial
                    for trial in tried.trials
                ),
            )
            for tried in history.arms
        ),
    )


class TestDefaults:
    @pytest.mark.parametrize(
        ("n_cells", "sampler", "arms_per_cell", "expected"),
        [
            (1, RandomSamplerConfig(), 10, 4),
            (1, RandomSamplerConfig(), 3, 3),
            (2, QuasiRandomSamplerConfig(), 10, 2),
            (3, RandomSamplerConfig(), 10, 2),
            (3, Nsga2SamplerConfig(population_size=6), 18, 6),
        ],
    )
    def test_rounds_have_four_arms_or_a_generation(
        self, n_cells: int, sampler: SamplerConfig, arms_per_cell: int, expected: int
    ) -> None:
        grid = [Dimension(path=KIND, domain=choice(["frame", "low_pass", "spline"][:n_cells]))]
        search = search_of(RATE, grid=grid, sampler=sampler, arms_per_cell=arms_per_cell, round_size=None)
        assert search.round_size == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms_per_cell": 0}, "arms_per_cell is at least 1; got 0"),
        ({"round_size": 0}, "round_size is between 1 and arms_per_cell, 10; got 0"),
        ({"round_size": 11}, "round_size is between 1 and arms_per_cell, 10; got 11"),
        ({"seeds": (1,)}, r"search.seeds must be at least two, .*got \[1\]"),
        ({"seeds": (1, 1)}, "distinct non-negative integers .*got 1 twice"),
        ({"seeds": (-1, 1)}, "distinct non-negative integers"),
        (
            {"sampler": Nsga2SamplerConfig(population_size=10)},
            "sampler nsga2 learns nothing: its first 10 points .*arms_per_cell is 10; raise arms_per_cell, "
            r"lower search\.sampler\.population_size",
        ),
        ({"sampler": TpeSamplerConfig(n_startup=12)}, r"sampler tpe learns nothing.*lower search\.sampler\.n_startup"),
        ({"sampler": Nsga2SamplerConfig(population_size=4), "round_size": 3}, "divides its 4 points of a generation"),
        ({"sampler": CustomSamplerConfig(path="nowhere:Class")}, "cannot import nowhere"),
    ],
)
def test_numbers_and_samplers_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        search_of(RATE, **changes)


@pytest.mark.parametrize("sampler", [GaussianProcessSamplerConfig(n_startup=2), Nsga2SamplerConfig(population_size=2)])
def test_conditions_within_a_cell_are_refused_where_the_sampler_needs_none(sampler: SamplerConfig) -> None:
    with pytest.raises(ConfigError, match=rf"n_segments depends on {KIND}; move {KIND} to \[\[search\.grid\]\], or"):
        search_of(KINDS, NUMBERS, sampler=sampler, round_size=None)
    search_of(NUMBERS, grid=[KINDS], sampler=sampler, round_size=None)
    search_of(KINDS, NUMBERS)


def test_the_seed_is_no_dimension() -> None:
    with pytest.raises(ConfigError, match="seed"):
        search_of(Dimension(path="seed", domain=choice([1, 2])))
