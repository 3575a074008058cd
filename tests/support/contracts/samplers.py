"""The contract of a sampler."""

from collections.abc import Callable, Iterator
from typing import Any

from core.settings.presets import SMALL
from core.settings.schema import variants_of
from search_spaces.dimensions import Dimension
from search_spaces.domains import choice
from search_spaces.ranges import Integer, LogUniform
from search_spaces.samplers.base import Sampler, State, TriedPoint
from search_spaces.samplers.build import build_sampler
from search_spaces.samplers.settings import CustomSamplerConfig, SamplerConfig
from search_spaces.space import Point, Space

Check = Callable[[SamplerConfig], None]
N_POINTS = 40
N_GUIDED = 13
"""Points of the checks in which results are told, which take longer."""
STATES: tuple[State, ...] = (
    *3 * ("complete",),
    "failed",
    *2 * ("complete",),
    "infeasible",
    *2 * ("complete",),
    "repeated",
)


def every_sampler() -> Iterator[SamplerConfig]:
    for cls in variants_of(SamplerConfig):
        yield cls(path="tests.support.custom_sampler:Shifted") if cls is CustomSamplerConfig else cls()


def space(*, conditional: bool) -> Space:
    """A space with a choice, a logarithmic range, and a range of whole numbers, which can depend on the choice."""
    kinds = ["low_pass", "spline"] if conditional else ["spline", "random_spline"]
    kind = Dimension(path="parameterization.kind", domain=choice(kinds))
    rate = Dimension(path="optimizer.lr", domain=LogUniform(low=1e-4, high=1e-1))
    segments = Dimension(
        path="parameterization.n_segments",
        domain=Integer(low=2, high=16),
        when={"parameterization.kind": ("spline",)} if conditional else {},
    )
    return Space([kind, rate, segments], SMALL)


def points_lie_in_the_space(config: SamplerConfig) -> None:
    sampler = build_sampler(config, 3)
    for conditional in (True, False) if sampler.handles_conditions else (False,):
        searched = space(conditional=conditional)
        for tried in run(sampler, searched, N_GUIDED):
            assert searched.point_of(tried.point.settings) == tried.point
            settings = tried.point.settings
            has_segments = not conditional or settings["parameterization.kind"] == "spline"
            assert ("parameterization.n_segments" in settings) == has_segments
            assert isinstance(settings.get("parameterization.n_segments", 2), int)


def the_same_history_gives_the_same_point(config: SamplerConfig) -> None:
    tried = run(build_sampler(config, 3), space(conditional=False), N_GUIDED)
    again = [
        build_sampler(config, 3).sample(space(conditional=False), number, tried[:number]) for number in (0, 3, 9, 12)
    ]
    assert again == [tried[number].point for number in (0, 3, 9, 12)]


def every_proposal_and_seed_gives_another_point(config: SamplerConfig) -> None:
    points = {seed: points_of(build_sampler(config, seed)) for seed in (3, 4)}
    assert all(len({repr(point) for point in each}) == N_POINTS for each in points.values())
    assert points[3] != points[4]


def points_without_results_cover_the_space(config: SamplerConfig) -> None:
    points = points_of(build_sampler(config, 3))
    assert {point["parameterization.kind"] for point in points} == {"spline", "random_spline"}
    rates = sorted(point["optimizer.lr"] for point in points)
    assert rates[0] < 1e-3, "the lower third of a logarithmic range must be tried"
    assert rates[-1] > 1e-2, "the upper third of a logarithmic range must be tried"


def single_objectives_and_failures_alone_are_accepted(config: SamplerConfig) -> None:
    sampler, searched = build_sampler(config, 3), space(conditional=False)
    run(sampler, searched, N_GUIDED, n_objectives=1)
    tried = run(sampler, searched, 4)
    lost = [TriedPoint(point=each.point, state="failed", attributes=each.attributes) for each in tried]
    point = sampler.sample(searched, 4, lost)
    assert searched.point_of(point.settings) == point


CHECKS: tuple[Check, ...] = (
    points_lie_in_the_space,
    the_same_history_gives_the_same_point,
    every_proposal_and_seed_gives_another_point,
    points_without_results_cover_the_space,
    single_objectives_and_failures_alone_are_accepted,
)


def run(sampler: Sampler, searched: Space, n_points: int, n_objectives: int = 2) -> list[TriedPoint]:
    """Points with results that depend on the learning rate, some of them without; the last one is pending."""
    tried: list[TriedPoint] = []
    for number in range(n_points):
        point = sampler.sample(searched, number, tried)
        state: State = "pending" if number == n_points - 2 else STATES[number % len(STATES)]
        tried.append(with_result(point, state, sampler.attributes(number, tried), n_objectives))
    return tried


def with_result(point: Point, state: State, attributes: Any, n_objectives: int) -> TriedPoint:
    rate = point.settings["optimizer.lr"]
    values = (abs(rate - 0.01), 1 / rate)[:n_objectives] if state in ("complete", "repeated") else ()
    return TriedPoint(point=point, state=state, values=values, attributes=attributes)


def points_of(sampler: Sampler) -> list[dict[str, Any]]:
    """Points while nothing has a result."""
    searched = space(conditional=False)
    tried: list[TriedPoint] = []
    for number in range(N_POINTS):
        point = sampler.sample(searched, number, tried)
        tried.append(TriedPoint(point=point, state="pending", attributes=sampler.attributes(number, tried)))
    return [each.point.settings for each in tried]
