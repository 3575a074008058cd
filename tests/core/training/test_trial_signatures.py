"""Failure signatures in the records of real trials."""

import json
from pathlib import Path

from core.metrics.signatures import NO_EFFECT
from core.storage.records import Signature, TrialRecord
from core.storage.sealed import seal_json, unseal_json
from core.storage.serialisation import record_from_json, record_to_json
from core.storage.store import Store
from core.training.trial import run_trial
from tests.support.configs import GREY_BOX, tiny


def found(record: TrialRecord) -> dict[tuple[str, str], float]:
    assert record.signatures is not None
    return {(each.kind, each.part): each.value for each in record.signatures}


def test_constant_curves_are_static_and_nothing_else_is_wrong_with_them(tmp_path: Path) -> None:
    record = run_trial(tiny("parameterization.kind=constant"), store=Store(tmp_path), study="s", arm="a")
    assert found(record) == {("static", name): 0.0 for name in ("add", "sub", "env")}
    assert Store(tmp_path).record(record.digest) == record


def test_each_signature_of_a_curve_has_the_number_of_its_metric(tmp_path: Path) -> None:
    config = tiny(*GREY_BOX, "parameterization.kind=random_spline")
    record = run_trial(config, store=Store(tmp_path), study="s", arm="a")
    metrics = record.metrics["test"]
    signatures = found(record)
    for name in ("add", "sub", "env"):
        effect = metrics[f"effect.mss.{name}"]
        assert effect is not None
        assert (("no effect", name) in signatures) == (effect < NO_EFFECT)
        assert signatures.get(("no effect", name), effect) == effect


def test_a_search_trial_is_not_looked_at_and_a_diverged_one_says_so(tmp_path: Path) -> None:
    searched = run_trial(tiny(), store=Store(tmp_path / "a"), study="s", arm="a", splits=("validation",))
    assert searched.signatures is None
    diverged = run_trial(tiny("trainer.diverged_above=0.1"), store=Store(tmp_path / "b"), study="s", arm="a")
    assert diverged.signatures == (Signature(kind="diverged", part="training", value=1.0),)


def test_records_of_earlier_versions_have_not_been_looked_at() -> None:
    record = TrialRecord(digest="d", study="s", arm="a", seed=0, attempt="1", outcome="finished", config={})
    fields = json.loads(unseal_json(record_to_json(record)))
    del fields["signatures"]
    assert record_from_json(seal_json(json.dumps(fields).encode())).signatures is None
