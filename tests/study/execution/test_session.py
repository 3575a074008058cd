"""What a study's folder holds decides what a command does: plan, resume, extend, copy, or report again."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
from rich.console import Console

from core.errors import StudyError
from core.storage.records import StudyPlan
from core.storage.store import Store, study_names
from study.execution import session as session_module
from study.execution.run_options import RunOptions
from study.execution.session import Interrupted, Session
from study.planning.extension import with_arms, with_seeds
from study.planning.plan import make_plan
from tests.support.tiny_study import ARMS, SEARCH, commit, create_study, tiny_plan, tiny_study

SPLINE = {"name": "spline", "config": {"parameterization": {"kind": "spline"}}}
MakeSession = Callable[[str], Session]
"""A session of the study of a name, all below one root."""


class SilentTracker:
    """Takes the place of MLflow, and remembers how studies ended."""

    endings: list[str]

    def __init__(self, store: Store, tracking_uri: str, artifact_location: str | None) -> None:
        del store, tracking_uri, artifact_location

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def notify(self, digest: str) -> None:
        """Nothing to deliver."""

    def finish(self, status: str, max_wait_s: float = 0.0) -> str | None:
        del max_wait_s
        self.endings.append(status)
        return None


@pytest.fixture
def endings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How the studies of a test ended for their tracker; Ray must not start."""

    def refuse(*_: object) -> Iterator[Path]:
        raise AssertionError("there is nothing to run")

    found: list[str] = []
    monkeypatch.setattr(SilentTracker, "endings", found, raising=False)
    monkeypatch.setattr(session_module, "Tracker", SilentTracker)
    monkeypatch.setattr("study.execution.ray_session.ray_session", refuse)
    return found


@pytest.fixture
def session_of(tmp_path: Path) -> MakeSession:
    def make(name: str) -> Session:
        console = Console(file=io.StringIO(), width=200)
        return Session(root=str(tmp_path / "runs"), name=name, console=console)

    return make


def output(session: Session) -> str:
    assert isinstance(session.console.file, io.StringIO)
    return " ".join(session.console.file.getvalue().split())


def stored(session: Session, plan: StudyPlan) -> Store:
    """Store a plan under the session's name, with a record of each of its trials."""
    plan = replace(plan, definition=replace(plan.definition, name=session.name))
    store = create_study(Path(session.store.root), plan)
    for trial in plan.trials:
        commit(store, trial, study=session.name)
    return store


# --------------------------------------------------------------------------------------------------------------- plans


def test_studies_are_found_by_their_definition(session_of: MakeSession, plan: StudyPlan, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    assert study_names(str(root)) == []
    for name in ("second", "first"):
        create_study(root / name, plan)
    (root / "mlflow-artifacts").mkdir()
    (root / "notes.txt").write_text("not a study")
    assert study_names(str(root)) == ["first", "second"]
    with pytest.raises(StudyError, match="there is no study 'none' under .*; studies there: first, second"):
        session_of("none").plan()


def test_a_new_plan_is_taken_as_it_is(session_of: MakeSession, plan: StudyPlan) -> None:
    assert session_of("tiny").merged_plan(plan) is plan


def test_a_stored_plan_is_merged_with_what_a_new_one_adds(session_of: MakeSession, plan: StudyPlan) -> None:
    session = session_of("tiny")
    create_study(Path(session.store.root), plan)
    assert session.merged_plan(tiny_plan()) == plan
    after = session.merged_plan(tiny_plan(arms=[*ARMS, SPLINE], seeds=[0, 1, 2]))
    assert after.segments[0] == plan.segments[0]
    assert len(after.trials) == 4 * 3
    assert session.plan() == plan, "merging stores nothing"
    with pytest.raises(StudyError, match="study 'tiny' exists with another plan"):
        session.merged_plan(tiny_plan(arms=ARMS[:2]))


def test_a_study_is_extended_to_a_number_of_seeds(session_of: MakeSession, plan: StudyPlan) -> None:
    session = session_of("tiny")
    create_study(Path(session.store.root), plan)
    extended = with_seeds(session.plan(), 4)
    assert extended.seeds == (0, 1, 2, 3)
    assert {trial.digest for trial in extended.trials} == {t.digest for t in tiny_plan(seeds=[0, 1, 2, 3]).trials}
    assert with_seeds(session.plan(), 2) == plan
    assert session.plan() == plan, "extending stores nothing before it runs"
    with pytest.raises(StudyError, match="tiny has 2 seeds already; got --seeds 1; raise it"):
        with_seeds(session.plan(), 1)


def test_further_seeds_of_a_search_reach_the_arms_that_it_will_confirm() -> None:
    plan = with_seeds(tiny_plan(arms=[], search=SEARCH), 5)
    assert plan.trials == ()
    assert plan.study_file["seeds"] == [0, 1, 2, 3, 4]
    assert with_seeds(plan, 5) == plan


def test_further_arms_have_all_seeds_that_the_study_has_now(session_of: MakeSession, plan: StudyPlan) -> None:
    session = session_of("tiny")
    store = stored(session, plan)
    (extension,) = with_seeds(plan, 3).segments[1:]
    store.append_segment(extension)
    (_, _, added) = with_arms(session.plan(), [SPLINE]).segments
    assert [arm.name for arm in added.arms] == ["spline"]
    assert sorted((trial.arm, trial.seed) for trial in added.trials) == [("spline", 0), ("spline", 1), ("spline", 2)]


@pytest.mark.parametrize(
    ("root", "name", "command"),
    [
        ("runs", "tiny", "modstudy resume tiny"),
        ("/tmp/other runs", "my study", "modstudy resume 'my study' --root '/tmp/other runs'"),
    ],
)
def test_the_command_that_resumes_can_be_pasted_into_a_shell(root: str, name: str, command: str) -> None:
    assert Session(root=root, name=name, console=Console(file=io.StringIO())).resume_command == command


# ----------------------------------------------------------------------------------------------------------------- run


def test_a_study_that_is_done_is_reported_again_without_ray(
    session_of: MakeSession, plan: StudyPlan, endings: list[str]
) -> None:
    session = session_of("tiny")
    store = stored(session, plan)
    assert session.run(session.plan, RunOptions()) == 0
    assert "All 6 trials of tiny are done; writing the report again." in output(session)
    assert store.has("report/index.html")
    assert endings == ["FINISHED"]


def test_a_study_without_news_is_left_alone(session_of: MakeSession, plan: StudyPlan, endings: list[str]) -> None:
    session = session_of("tiny")
    store = stored(session, plan)
    session.run(session.plan, RunOptions())
    store.drop("report/index.html")
    assert session.run(session.plan, RunOptions()) == 0
    assert "All 6 trials of tiny are done, and its report is up to date: " in output(session)
    assert not store.has("report/index.html")
    assert len(endings) == 1
    commit(store, plan.trials[0], minute=7, study="tiny")
    session.run(session.plan, RunOptions())
    assert store.has("report/index.html"), "a trial has another record now"
    session.run(session.plan, RunOptions(tracking_uri="http://127.0.0.1:1"))
    assert len(endings) == 3, "another tracker has nothing of it yet"


def test_a_failed_trial_shows_in_the_exit_code(session_of: MakeSession, plan: StudyPlan, endings: list[str]) -> None:
    session = session_of("tiny")
    store = create_study(Path(session.store.root), plan)
    for trial in plan.trials[1:]:
        commit(store, trial)
    commit(store, plan.trials[0], outcome="failed", error="OSError: disk full", metrics={})
    assert session.run(lambda: plan, RunOptions()) == 1
    assert endings == ["FAILED"]


def test_trials_that_another_study_finished_are_copied_and_said_so(
    session_of: MakeSession, plan: StudyPlan, endings: list[str]
) -> None:
    stored(session_of("first"), plan)
    session = session_of("second")
    store = session.store
    plan = make_plan(tiny_study(arms=ARMS[:2]), name="second").plan
    assert session.run(lambda: plan, RunOptions()) == 0
    assert "4 trials copied from study first: same digests, same code, not trained again" in output(session)
    assert "All 4 trials of second are done" in output(session)
    assert [record.copied_from for record in store.ledger()] == 4 * ["first"]
    assert endings == ["FINISHED"]


def test_seeds_that_another_study_has_extend_a_study_without_training(
    session_of: MakeSession, plan: StudyPlan, endings: list[str]
) -> None:
    stored(session_of("long"), tiny_plan(seeds=[0, 1, 2]))
    session = session_of("short")
    store = stored(session, plan)
    assert session.run(lambda: with_seeds(session.plan(), 3), RunOptions()) == 0
    assert [segment.stage for segment in store.plan().segments] == ["design", "seeds"]
    assert "3 trials copied from study long" in output(session)
    assert endings == ["FINISHED"]


def test_other_code_than_the_study_began_with_is_refused_before_anything_is_stored(
    session_of: MakeSession, plan: StudyPlan, endings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of("tiny")
    store = stored(session, plan)
    monkeypatch.setattr("core.storage.code_version.code_version", lambda: "another")
    with pytest.raises(
        StudyError, match="and this is another: its trials would not be comparable; .*--allow-code-change"
    ):
        session.run(lambda: with_seeds(session.plan(), 3), RunOptions())
    assert store.plan() == plan
    assert endings == []
    assert session.run(session.plan, RunOptions()) == 0, "a study that is done needs no code"


def test_an_interrupt_stores_the_plan_and_names_the_command_that_goes_on(
    session_of: MakeSession, plan: StudyPlan, endings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> Iterator[Path]:
        raise KeyboardInterrupt

    monkeypatch.setattr("study.execution.ray_session.ray_session", stop)
    session = session_of("tiny")
    store = stored(session, plan)
    with pytest.raises(Interrupted, match="stopped; 6 of 9 trials have their results. Resume with: modstudy resume"):
        session.run(lambda: with_seeds(session.plan(), 3), RunOptions())
    assert len(store.plan().trials) == 9
    assert endings == ["KILLED"]


def test_a_race_is_not_extended_by_seeds_or_arms(session_of: MakeSession) -> None:
    session = session_of("race")
    plan = tiny_plan(race={})
    create_study(Path(session.store.root), plan)
    with pytest.raises(StudyError, match="a race decides by its results how many seeds an arm gets, here 3 to 8"):
        with_seeds(session.plan(), 6)
    with pytest.raises(StudyError, match="arm spline only in the new plan.*; a race is fixed before it starts"):
        with_arms(session.plan(), [SPLINE])
