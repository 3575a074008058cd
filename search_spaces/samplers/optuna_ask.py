"""Points from Optuna's samplers: a study in memory is rebuilt from the tried points for every proposal.

So Optuna keeps nothing between proposals, and trials that were killed are not taken for running ones.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, assert_never

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState

from search_spaces.dimensions import Dimension
from search_spaces.domains import Choice, Domain, Fixed
from search_spaces.options import Option
from search_spaces.ranges import Integer, LogUniform, Uniform
from search_spaces.samplers.base import TriedPoint
from search_spaces.space import Point, Space

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

_STATES = {
    "complete": TrialState.COMPLETE,
    "pending": TrialState.RUNNING,
    "failed": TrialState.FAIL,
    "infeasible": TrialState.FAIL,
    "repeated": TrialState.FAIL,
}


def ask(sampler: "BaseSampler", space: Space, tried: Sequence[TriedPoint]) -> Point:
    """The point that a sampler of Optuna proposes after the tried ones, in their order."""
    n_objectives = next((len(each.values) for each in tried if each.state == "complete"), 1)
    with silent_optuna():
        study = optuna.create_study(directions=["minimize"] * n_objectives, sampler=sampler)
        study.add_trials([frozen_trial(space, each) for each in tried])
        trial = study.ask()
        return space.point_with(lambda dimension: _suggested(trial, dimension))


def frozen_trial(space: Space, tried: TriedPoint) -> FrozenTrial:
    """A tried point as a trial of Optuna, with the label of the option as the value of a choice."""
    domains = {dimension.path: dimension.domain for dimension in space.dimensions}
    return optuna.create_trial(
        state=_STATES[tried.state],
        values=list(tried.values) if tried.state == "complete" else None,
        params={path: domains[path].to_parameter(option) for path, option in tried.point.options.items()},
        distributions={path: distribution(domains[path]) for path in tried.point.options},
    )


def distribution(domain: Domain) -> BaseDistribution:
    """The distribution of Optuna with the values of a domain; those of a choice are labels."""
    match domain:
        case Choice() | Fixed():
            return CategoricalDistribution([option.label for option in domain.values()])
        case Uniform():
            return FloatDistribution(domain.low, domain.high, step=domain.step)
        case LogUniform():
            return FloatDistribution(domain.low, domain.high, log=True)
        case Integer():
            return IntDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
        case _:
            assert_never(domain)


@contextmanager
def silent_optuna() -> Iterator[None]:
    """Context in which Optuna logs errors only, and does not warn of experimental arguments."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def _suggested(trial: optuna.Trial, dimension: Dimension) -> Option:
    """The option that the sampler of a trial chooses for a dimension."""
    domain, path = dimension.domain, dimension.path
    parameter: Any
    match domain:
        case Choice() | Fixed():
            parameter = trial.suggest_categorical(path, [option.label for option in domain.values()])
        case Uniform():
            parameter = trial.suggest_float(path, domain.low, domain.high, step=domain.step)
        case LogUniform():
            parameter = trial.suggest_float(path, domain.low, domain.high, log=True)
        case Integer():
            parameter = trial.suggest_int(path, domain.low, domain.high, log=domain.log, step=domain.step)
        case _:
            assert_never(domain)
    return domain.from_parameter(parameter)
