"""The progress of a study counts what is done, running, failed and left."""

import io
import time

import pytest
from rich.console import Console

from core.storage.records import StudyPlan
from dashboards.durations import duration
from study import progress as progress_module
from study.progress import StudyProgress, max_steps, number, show_progress
from tests.support.tiny_study import record_of


def progress_of(plan: StudyPlan) -> StudyProgress:
    waiting = {trial.digest: trial for trial in plan.trials}
    return StudyProgress(max_steps=max_steps(plan), planned=len(plan.trials), trials_at_once=2, waiting=waiting)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_counts_follow_the_trials(plan: StudyPlan) -> None:
    progress = progress_of(plan)
    first, second, third = plan.trials[:3]
    for trial in (first, second, third):
        progress.start(trial.digest)
    progress.step(first.digest, 2, 0.25)
    progress.finish(record_of(plan, second))
    progress.finish(record_of(plan, third, outcome="diverged"))
    assert progress.headline().startswith("2 of 6 trials done, 1 running, 1 failed")
    assert progress.lines() == ["lpf-8 · seed 0: step 2 of 4, loss 0.25"]
    progress.finish(record_of(plan, first, outcome="lost"))
    assert progress.headline().startswith("3 of 6 trials done, 0 running, 2 failed")


def test_trials_of_a_later_stage_are_planned_more(plan: StudyPlan) -> None:
    first, second, *later = plan.trials
    progress = StudyProgress(
        max_steps=max_steps(plan), planned=2, trials_at_once=2, waiting={first.digest: first, second.digest: second}
    )
    for trial in (first, second):
        progress.start(trial.digest)
        progress.finish(record_of(plan, trial))
    assert progress.headline() == "2 of 2 trials done, 0 running, 0 failed"
    progress.plan_more(later, plan)
    assert progress.headline().startswith("2 of 6 trials done, 0 running, 0 failed, about ")
    assert set(progress.waiting) == {trial.digest for trial in later}
    # One that was copied from another study never runs.
    progress.finish(record_of(plan, later[0]))
    assert progress.headline().startswith("3 of 6 trials done")
    assert later[0].digest not in progress.waiting


def test_time_left_comes_from_the_pace_so_far(plan: StudyPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    progress = progress_of(plan)
    assert progress.seconds_left() is None
    progress.start(plan.trials[0].digest)
    now = 108.0
    progress.finish(record_of(plan, plan.trials[0]))
    # 4 steps took 8 s; 5 trials of 4 steps are left, two at once, so that one worker runs three of them.
    assert progress.seconds_left() == 24.0
    assert "about 24 s left" in progress.headline()


def test_a_trial_that_resumed_says_how_long_its_other_steps_take(
    plan: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    progress = StudyProgress(
        max_steps=dict.fromkeys(max_steps(plan), 100),
        planned=2,
        trials_at_once=1,
        waiting={trial.digest: trial for trial in plan.trials[:2]},
    )
    first, second = plan.trials[:2]
    progress.start(first.digest)
    progress.step(first.digest, 80, 0.5, first_step=70)
    now = 103.0
    assert progress.seconds_left() == pytest.approx(0.2 * 30 + 30)
    now = 109.0
    progress.finish(record_of(plan, first))
    # 30 steps took 9 s.
    assert progress.seconds_left() == pytest.approx(30.0)
    # A trial that had only to be evaluated says nothing.
    progress.start(second.digest)
    progress.step(second.digest, 100, 0.5, first_step=100)
    assert progress.seconds_left() == pytest.approx(0.0)
    progress.finish(record_of(plan, second))
    assert progress.seconds_left() == 0.0


def test_a_loss_once_known_stays_until_a_newer_one(plan: StudyPlan) -> None:
    progress = progress_of(plan)
    progress.start(plan.trials[0].digest)
    progress.step(plan.trials[0].digest, 1, 0.5)
    progress.step(plan.trials[0].digest, 2, None)
    assert progress.lines() == ["lpf-8 · seed 0: step 2 of 4, loss 0.5"]


def test_without_a_terminal_lines_come_at_intervals(plan: StudyPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "LINE_EVERY_S", 0.01)
    console = Console(file=io.StringIO(), width=200)
    with show_progress(progress_of(plan), console):
        time.sleep(0.1)
    assert "0 of 6 trials done, 0 running, 0 failed" in text_of(console)


def test_a_terminal_gets_a_live_picture(plan: StudyPlan) -> None:
    console = Console(file=io.StringIO(), width=200, force_terminal=True)
    progress = progress_of(plan)
    progress.start(plan.trials[0].digest)
    with show_progress(progress, console):
        time.sleep(0.3)
    assert "lpf-8 · seed 0" in text_of(console)


def test_durations_and_numbers_read_as_one_would_say_them() -> None:
    assert [duration(seconds) for seconds in (5, 89, 600, 7200)] == ["5 s", "89 s", "10 min", "2.0 h"]
    assert [number(value) for value in (0.123456, None)] == ["0.1235", "not known yet"]
