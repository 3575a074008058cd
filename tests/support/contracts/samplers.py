"""The contract of a sampler."""

from collections.abc import Callable, Iterator
from typing import Any

from core.settings.presets import SMALL
from core.settings.schema import variants_of
from search_spaces.dimensions import Dimension
from search_spaces.domains import choice
from search_spaces.ranges import Integer, LogUniform
from search_spaces.samplers.build import build_sampler
from search_spaces.samplers.settings import SamplerConfig
from search_spaces.space import Space
from search_spaces.strategy import History

Check = Callable[[SamplerConfig], None]
N_POINTS = 40


def every_sampler() -> Iterator[SamplerConfig]:
    for cls in variants_of(SamplerConfig):
        yield cls()


def space() -> Space:
    """A conditional space with a choice, a logarithmic range, and a range of whole numbers."""
    kind = Dimension(path="parameterization.kind", domain=choice(["low_pass", "spline"]))
    rate = Dimension(path="optimizer.lr", domain=LogUniform(low=1e-4, high=1e-1))
    segments = Dimension(
        path="parameterization.n_segments",
        domain=Integer(low=2, high=16),
        when={"parameterization.kind": ("spline",)},
    )
    return Space([kind, rate, segments], SMALL)


def points_lie_in_the_space(config: SamplerConfig) -> None:
    for settings in _points(config):
        assert settings["parameterization.kind"] in ("low_pass", "spline")
        assert 1e-4 <= settings["optimizer.lr"] <= 1e-1
        assert ("parameterization.n_segments" in settings) == (settings["parameterization.kind"] == "spline")
        if "parameterization.n_segments" in settings:
            assert settings["parameterization.n_segments"] in range(2, 17)


def the_same_number_gives_the_same_point(config: SamplerConfig) -> None:
    assert _points(config) == _points(config)


def numbers_give_different_points_that_cover_the_space(config: SamplerConfig) -> None:
    points = _points(config)
    assert len({repr(point) for point in points}) == N_POINTS
    assert {point["parameterization.kind"] for point in points} == {"low_pass", "spline"}
    rates = sorted(point["optimizer.lr"] for point in points)
    assert rates[0] < 1e-3, "the lower third of a logarithmic range must be tried"
    assert rates[-1] > 1e-2, "the upper third of a logarithmic range must be tried"


CHECKS: tuple[Check, ...] = (
    points_lie_in_the_space,
    the_same_number_gives_the_same_point,
    numbers_give_different_points_that_cover_the_space,
)


def _points(config: SamplerConfig) -> list[dict[str, Any]]:
    sampler = build_sampler(config)
    return [sampler.sample(space(), number, History()).settings for number in range(N_POINTS)]
