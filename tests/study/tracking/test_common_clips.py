"""MLflow shows the means of the report, which are over the clips on which all arms are compared."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from dashboards.analysis.study_results import front_statistics, load_results
from tests.support.deliveries import Open, deliver, rows_of
from tests.support.fake_study import FakeArm, fake_study
from tests.support.mlflow_runs import runs_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
TV = "interpretability.tv"


def test_a_finished_study_has_the_means_and_statuses_of_its_report(
    tmp_path: Path, client: MlflowClient, opened: Open
) -> None:
    arms = [
        FakeArm(name="moves", mss=1.0, tv=2.0, n_flat=0),
        FakeArm(name="flat", mss=2.0, tv=1.9, n_flat=4),
    ]
    store = fake_study(tmp_path / "fake", arms, n_clips=0)
    deliver(opened, store)
    results = load_results(store)
    assert results.common[TV].n_common == 8 * 3 - 4
    runs = runs_of(client, store)
    for arm in results.arms:
        run = runs[arm.name]
        assert run.data.metrics[TV] == pytest.approx(arm.metrics[TV].mean)
        assert run.data.metrics["audio.mss"] == pytest.approx(arm.metrics["audio.mss"].mean)
        assert run.data.tags["front_status"] == arm.status
    assert runs["fake"].data.metrics["front.hypervolume"] == pytest.approx(front_statistics(results).hypervolume)
    before = {arm.name: rows_of(client, runs[arm.name], TV) for arm in results.arms}
    deliver(opened, store)
    assert {arm.name: rows_of(client, runs_of(client, store)[arm.name], TV) for arm in results.arms} == before
