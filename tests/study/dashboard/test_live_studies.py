"""What the index page says about studies: their order, and the rates and losses of those that run."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.storage.records import StudyPlan
from core.storage.store import Store
from study.dashboard import live_studies
from study.dashboard.live_studies import SPARK_HEIGHT, SPARK_WIDTH, LiveStudies, StudyView
from study.execution.lease import Lease, study_lease
from tests.support.leases import without_own_heartbeats
from tests.support.tiny_study import commit, create_study


class Driver:
    """A running study whose progress is set."""

    def __init__(self, lease: Lease, studies: LiveStudies) -> None:
        self._lease, self._studies = lease, studies
        self._beat = 0

    def at(self, seconds: float, done: int, **running: tuple[int, float]) -> StudyView:
        """The view after a heartbeat at a time, with steps and losses of the running trials by label."""
        self._beat += 1
        self._lease.progress = lambda: {
            "planned": 6,
            "done": done,
            "failed": 0,
            "seconds_left": None,
            "running": [
                {"label": label, "step": step, "max_steps": 100, "loss": loss}
                for label, (step, loss) in running.items()
            ],
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "time", lambda: 1e9 + seconds)
            self._lease._beat(self._beat)
            (view,) = self._studies.views()
        return view


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LiveStudies:
    monkeypatch.setattr(live_studies, "REFRESH_S", 0.0)
    return LiveStudies(str(tmp_path))


@pytest.fixture
def driver(store: Store, studies: LiveStudies, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """The driver of the study `tiny`, without heartbeats of its own."""
    without_own_heartbeats(monkeypatch)
    with study_lease(store) as lease:
        yield Driver(lease, studies)


def test_rates_are_those_between_heartbeats(driver: Driver) -> None:
    first = driver.at(0, 0, frame=(0, 2.0))
    assert "a minute" not in first.activity
    assert (first.running[0].rate, first.running[0].path) == ("", "")
    driver.at(10, 1, frame=(30, 1.0))
    view = driver.at(20, 2, frame=(60, 0.5))
    assert "6 trials a minute" in view.activity
    assert (view.running[0].rate, view.running[0].share) == ("3 steps/s", 60.0)
    assert (view.n_done, round(view.share)) == (2, 33)


def test_the_curve_of_a_loss_spans_its_box(driver: Driver) -> None:
    for seconds, (step, loss) in enumerate([(0, 2.0), (50, 1.0), (100, 0.0)]):
        view = driver.at(seconds, 0, frame=(step, loss))
    middle = f"{SPARK_WIDTH / 2:.1f} {SPARK_HEIGHT / 2:.1f}"
    assert view.running[0].path == f"M0.0 0.0L{middle}L{SPARK_WIDTH:.1f} {SPARK_HEIGHT:.1f}"


def test_a_trial_that_begins_again_has_a_new_curve(driver: Driver) -> None:
    driver.at(0, 0, frame=(50, 2.0))
    driver.at(1, 0, frame=(60, 1.0))
    view = driver.at(2, 0, frame=(0, 3.0))
    assert view.running[0].path == ""


def test_a_silent_driver_is_named(driver: Driver, studies: LiveStudies, monkeypatch: pytest.MonkeyPatch) -> None:
    driver.at(0, 0)
    monkeypatch.setattr(time, "time", lambda: 1e9 + 60)
    (view,) = studies.views()
    assert "last heard of 60 s ago" in view.activity


def test_running_studies_come_first_then_the_latest(
    tmp_path: Path, plan: StudyPlan, studies: LiveStudies, store: Store
) -> None:
    for name, minute in (("early", 1), ("late", 5)):
        commit(create_study(tmp_path / name, plan), plan.trials[0], minute)
    with study_lease(store):
        assert [view.entry.name for view in studies.views()] == ["tiny", "late", "early"]


def test_the_root_is_not_read_for_each_request(
    tmp_path: Path, plan: StudyPlan, studies: LiveStudies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_studies, "REFRESH_S", 60.0)
    assert studies.views() == ()
    create_study(tmp_path / "new", plan)
    assert studies.views() == ()
    monkeypatch.setattr(live_studies, "REFRESH_S", 0.0)
    assert studies.names() == {"new"}


def test_a_picture_has_a_new_address_when_results_are_new(plan: StudyPlan, studies: LiveStudies, store: Store) -> None:
    def version() -> str:
        return studies.views()[0].version

    with study_lease(store):
        before = version()
        assert version() == before
        commit(store, plan.trials[0])
        assert version() != before
