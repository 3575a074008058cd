"""Failure signatures: which numbers have one, and which part it names."""

import pytest

from core.metrics.signatures import MEANINGS, UNITS, signatures_of
from core.storage.records import MetricValues, Signature, SignatureKind
from core.synths.diagnostics import Measure


def values(**changes: float | None) -> MetricValues:
    """A trial that is well but for the changes, given as `group__modulation`."""
    well = {"range": 0.8, "saturation": 0.1, "effect": 0.3}
    names = {"range": "interpretability.range", "saturation": "interpretability.saturation", "effect": "effect.mss"}
    found: MetricValues = {f"{names[what]}.{m}": value for what, value in well.items() for m in ("add", "env")}
    for key, value in changes.items():
        what, _, modulation = key.partition("__")
        found[f"{names[what]}.{modulation}"] = value
    return found


def found(given: MetricValues, *measures: Measure) -> list[tuple[str, str, float]]:
    return [(each.kind, each.part, each.value) for each in signatures_of(given, ("add", "env"), measures)]


def test_a_trial_that_is_well_has_none() -> None:
    well = (
        Measure("aliasing_db", "sound", -60.0),
        Measure("ringing_s", "filter", 0.1),
        Measure("level_db", "noise", -30.0),
    )
    assert found(values(), *well) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"range__add": 0.01, "effect__add": 0.0}, ("static", "add", 0.01)),
        ({"effect__add": 0.008}, ("no effect", "add", 0.008)),
        ({"effect__env": -0.4}, ("no effect", "env", -0.4)),
        ({"saturation__env": 0.7}, ("saturated", "env", 0.7)),
    ],
)
def test_a_curve_is_named_with_its_number(changes: dict[str, float], expected: tuple[str, str, float]) -> None:
    assert found(values(**changes)) == [expected]


@pytest.mark.parametrize(
    ("measure", "kind"),
    [
        (Measure("aliasing_db", "sound", -25.0), "aliasing"),
        (Measure("ringing_s", "filter", 0.4), "near instability"),
        (Measure("ringing_s", "filter", float("nan")), "near instability"),
        (Measure("level_db", "noise", -90.0), "silent branch"),
    ],
)
def test_a_module_is_named_with_its_number(measure: Measure, kind: str) -> None:
    ((found_kind, part, _),) = found(values(), measure)
    assert (found_kind, part) == (kind, measure.module)


def test_what_was_not_measured_has_no_signature() -> None:
    assert found(values(effect__add=None, range__env=None, saturation__add=None)) == []
    assert signatures_of({}, ("add",), ()) == ()


def test_every_signature_has_a_meaning() -> None:
    kinds = set(SignatureKind.__args__)  # type: ignore[attr-defined]
    assert set(MEANINGS) == kinds
    assert set(UNITS) < kinds
    assert Signature(kind="static", part="add", value=0.0).kind in kinds
