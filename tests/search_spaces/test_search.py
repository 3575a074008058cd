"""Search: rounds independent of restarts, no repeated arms, and the end of a search."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from core.settings.presets import SMALL
from search_spaces.domains import Range, choice
from search_spaces.samplers.base import Sampler
from search_spaces.samplers.random import RandomSampler
from search_spaces.search import Search, check_rounds
from search_spaces.space import Dimension, Point, Space
from search_spaces.strategy import Arm, History, Round, TriedArm, TriedTrial

WIDTHS = (1, 2, 3, 4, 5)
LARGE = Space(
    [
        Dimension(path="optimizer.lr", domain=Range(low=1e-4, high=1e-1, log=True)),
        Dimension(path="encoder.width", domain=choice(WIDTHS)),
    ],
    SMALL,
)
SMALL_SPACE = Space([Dimension(path="encoder.width", domain=choice(WIDTHS))], SMALL)


def search_of(space: Space = LARGE, *, seed: int = 0, n_arms: int = 10, round_size: int = 3) -> Search:
    return search_by(RandomSampler(seed), space=space, n_arms=n_arms, round_size=round_size)


def search_by(sampler: Sampler, *, space: Space = LARGE, n_arms: int, round_size: int) -> Search:
    return Search(
        space=space,
        sampler=sampler,
        sampler_kind="random",
        n_arms=n_arms,
        round_size=round_size,
        seeds=(1000, 1001),
    )


def after(history: History, proposal: Round, score: float = 1.0) -> History:
    """The history after the trials of a proposal have run."""
    values: dict[str, float | None] = {"audio.mss": score}
    tried = (
        TriedArm(
            arm=arm,
            trials=tuple(
                TriedTrial(seed=seed, stage=proposal.stage, outcome="finished", values=values)
                for name, seed in proposal.trials
                if name == arm.name
            ),
        )
        for arm in proposal.arms
    )
    return History(arms=(*history.arms, *tried), asks=(*history.asks, *proposal.asks))


def design(*arms: Arm) -> Round:
    return Round(stage="design", arms=arms, trials=tuple((arm.name, 0) for arm in arms))


def rounds_of(search: Search, history: History | None = None) -> list[Round]:
    """All rounds until nothing is proposed, each by a new `Search`, as after a restart."""
    history = history or History()
    rounds: list[Round] = []
    while proposal := replace(search).propose(history):
        rounds.append(proposal)
        history = after(history, proposal)
        assert len(rounds) <= search.n_arms
    return rounds


def arms_of(rounds: list[Round]) -> list[Arm]:
    return [arm for proposal in rounds for arm in proposal.arms]


def test_rounds_have_their_size_and_end_at_the_number_of_arms() -> None:
    rounds = rounds_of(search_of())
    assert [len(proposal.arms) for proposal in rounds] == [3, 3, 3, 1]
    assert [arm.name for arm in arms_of(rounds)] == [f"search-{number:03d}" for number in range(10)]
    assert {proposal.stage for proposal in rounds} == {"search"}
    assert [ask.arm for proposal in rounds for ask in proposal.asks] == [arm.name for arm in arms_of(rounds)]


def test_each_arm_has_all_seeds_of_the_search() -> None:
    proposal = rounds_of(search_of())[0]
    assert set(proposal.trials) == {(arm.name, seed) for arm in proposal.arms for seed in (1000, 1001)}


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 12), st.integers(1, 12), st.booleans())
def test_restarted_search_proposes_the_same_arms_from_any_point(
    seed: int, n_arms: int, round_size: int, is_small: bool
) -> None:
    space = SMALL_SPACE if is_small else LARGE
    search = search_of(space, seed=seed, n_arms=n_arms, round_size=min(round_size, n_arms))
    rounds = rounds_of(search)
    history = History()
    for number, proposal in enumerate(rounds):
        # Killed here, before the round was stored or after it, the search goes on with the same arms.
        assert rounds_of(search, history) == rounds[number:]
        history = after(history, proposal, score=number)
    assert search.propose(history) is None


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 6))
def test_no_arm_is_repeated(seed: int, round_size: int) -> None:
    arms = arms_of(rounds_of(search_of(SMALL_SPACE, seed=seed, n_arms=20, round_size=round_size)))
    assert len({arm.settings["encoder.width"] for arm in arms}) == len(arms)
    assert len({arm.name for arm in arms}) == len(arms)


def test_search_ends_when_its_space_is_exhausted() -> None:
    rounds = rounds_of(search_of(SMALL_SPACE, n_arms=20, round_size=2))
    assert [len(proposal.arms) for proposal in rounds] == [2, 2, 1]
    assert {arm.settings["encoder.width"] for arm in arms_of(rounds)} == set(WIDTHS)


def test_points_of_earlier_stages_are_not_repeated() -> None:
    history = after(History(), design(*(Arm(f"width {width}", {"encoder.width": width}) for width in (1, 2, 3))))
    arms = arms_of(rounds_of(search_of(SMALL_SPACE, n_arms=20, round_size=2), history))
    assert {arm.settings["encoder.width"] for arm in arms} == {4, 5}


def test_arms_of_earlier_stages_do_not_count_as_arms_of_the_search() -> None:
    history = after(History(), design(*(Arm(f"width {width}", {"encoder.width": 10 * width}) for width in (1, 2, 3))))
    assert len(arms_of(rounds_of(search_of(SMALL_SPACE, n_arms=4, round_size=2), history))) == 4


def test_larger_search_goes_on_where_a_smaller_one_ended() -> None:
    history, rounds = History(), rounds_of(search_of(n_arms=4, round_size=2))
    for proposal in rounds:
        history = after(history, proposal)
    first, more = arms_of(rounds), arms_of(rounds_of(search_of(n_arms=9, round_size=2), history))
    assert [arm.name for arm in first + more] == [f"search-{number:03d}" for number in range(9)]
    assert arms_of(rounds_of(search_of(n_arms=9, round_size=2))) == first + more


def test_rounds_of_another_size_propose_the_same_arms() -> None:
    assert arms_of(rounds_of(search_of(round_size=1))) == arms_of(rounds_of(search_of(round_size=5)))


@dataclass(frozen=True)
class FromResults(Sampler):
    """Proposes the number of results and the last one."""

    def sample(self, space: Space, number: int, history: History) -> Point:
        scores = [tried.values("audio.mss", ["search"])[1000] for tried in history.arms]
        last = scores[-1] if scores else 0.0
        return space.point_at({"optimizer.lr": (1 + last) / 10, "encoder.width": number % 5 / 5})


def test_sampler_gets_the_results_of_the_rounds_before() -> None:
    search = search_by(FromResults(), n_arms=4, round_size=2)
    proposal = search.propose(History())
    assert proposal is not None
    first = arms_of([proposal])
    second = {score: search.propose(after(History(), proposal, score=score)) for score in (1.0, 2.0)}
    by_score = {score: arms_of([proposed] if proposed else []) for score, proposed in second.items()}
    assert [arm.settings["optimizer.lr"] for arm in first] == [pytest.approx(1e-4 * 1000**0.1)] * 2
    assert [arm.settings["optimizer.lr"] for arm in by_score[2.0]] == [pytest.approx(1e-4 * 1000**0.3)] * 2
    assert by_score[1.0] != by_score[2.0]
    assert [arm.settings["encoder.width"] for arm in first + by_score[1.0]] == [1, 2, 3, 4]


def test_corners_are_those_of_the_space() -> None:
    assert search_of().corners() == LARGE.corners()
    assert len(search_of().corners()) == 2 * len(WIDTHS)


@pytest.mark.parametrize(("n_arms", "round_size"), [(0, 1), (3, 0), (3, 4), (-1, -1)])
def test_numbers_that_do_not_fit_are_refused(n_arms: int, round_size: int) -> None:
    with pytest.raises(ConfigError, match=f"from 1 to n_arms; got {n_arms} and {round_size}"):
        check_rounds(n_arms, round_size, (0, 1))


def test_numbers_that_fit_are_accepted() -> None:
    check_rounds(1, 1, (0, 1))
    check_rounds(3, 3, (0, 1))


@pytest.mark.parametrize("seeds", [(), (0,), (1, 1), (-1, 2)])
def test_a_search_needs_two_seeds(seeds: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="at least two distinct"):
        check_rounds(1, 1, seeds)
