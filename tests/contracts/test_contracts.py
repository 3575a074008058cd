"""Every variant of every family satisfies its family's contract."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from core.metrics.base import Metric
from core.metrics.catalog import METRICS
from core.settings.losses import LossConfig
from core.settings.parameterizations import ParameterizationConfig
from core.settings.synths import SynthConfig
from search_spaces.designs.base import Design
from search_spaces.samplers.settings import SamplerConfig
from search_spaces.study_parsing import built_in_studies, load_study
from tests.support.contracts import data_sources, designs, losses, metrics, parameterizations, samplers, synths


def cases(variants: Iterable[Any], checks: Iterable[Callable[[Any], None]]) -> list[Any]:
    """A parameter per variant and check; the id of a variant is its kind or name."""
    found = list(variants)
    kinds = [str(getattr(variant, "kind", getattr(variant, "name", variant))) for variant in found]
    labels = [kind if kinds.count(kind) == 1 else f"{kind}-{kinds[:i].count(kind)}" for i, kind in enumerate(kinds)]
    checks = list(checks)
    return [
        pytest.param(variant, check, id=f"{label}-{check.__name__}")
        for variant, label in zip(found, labels, strict=True)
        for check in checks
    ]


@pytest.mark.parametrize(("config", "check"), cases((*synths.every_synth(), *synths.every_option()), synths.CHECKS))
def test_synth(config: SynthConfig, check: synths.Check) -> None:
    check(config)


@pytest.mark.parametrize(
    ("config", "check"), cases(parameterizations.every_parameterization(), parameterizations.CHECKS)
)
def test_parameterization(config: ParameterizationConfig, check: parameterizations.Check) -> None:
    check(config)


@pytest.mark.parametrize(("metric", "check"), cases(METRICS, metrics.CHECKS))
def test_metric(metric: Metric, check: metrics.Check) -> None:
    check(metric)


@pytest.mark.parametrize(("config", "check"), cases(losses.every_loss(), losses.CHECKS))
def test_loss(config: LossConfig, check: losses.Check) -> None:
    check(config)


@pytest.mark.parametrize("check", data_sources.CHECKS)
@pytest.mark.parametrize("kind", data_sources.every_kind())
def test_data_source(kind: type, check: data_sources.Check, tmp_path: Path) -> None:
    assert kind in data_sources.EXAMPLES, f"{kind.__name__} needs an example in tests/support/contracts/data_sources.py"
    check(data_sources.EXAMPLES[kind](tmp_path))


@pytest.mark.parametrize(("config", "check"), cases(samplers.every_sampler(), samplers.CHECKS))
def test_sampler(config: SamplerConfig, check: samplers.Check) -> None:
    check(config)


BUILT_IN = [
    pytest.param(design, id=f"{name}-{type(design).__name__}")
    for name in built_in_studies()
    for design in load_study(name).designs()
]


@pytest.mark.parametrize("check", designs.CHECKS)
@pytest.mark.parametrize("design", BUILT_IN)
def test_design_of_a_built_in_study(design: Design, check: designs.Check) -> None:
    check(design)


@pytest.mark.parametrize("check", designs.CHECKS)
@pytest.mark.parametrize("kind", designs.every_kind())
def test_design(kind: type[Design], check: designs.Check) -> None:
    assert kind in designs.EXAMPLES, f"{kind.__name__} needs examples in tests/support/contracts/designs.py"
    for design in designs.EXAMPLES[kind]:
        check(design)
