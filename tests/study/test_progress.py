"""A study's standing counts what is done, running, failed and left."""

import io
import time

from rich.console import Console

from study import progress
from study.progress import Standing, duration, shown
from tests.support.tiny_study import record_of


def standing_of(plan):
    return Standing(planned=len(plan.trials), trials_at_once=2, waiting={t.digest: t for t in plan.trials})


def test_counts_follow_the_trials(plan):
    standing = standing_of(plan)
    first, second, third = plan.trials[:3]
    for trial in (first, second, third):
        standing.start(trial.digest)
    standing.step(first.digest, 2, 0.25)
    standing.finish(record_of(second))
    standing.finish(record_of(third, outcome="diverged"))
    assert standing.headline().startswith("2 of 6 trials done, 1 running, 1 failed")
    assert standing.lines() == ["lpf-8 · seed 0: step 2 of 4, loss 0.25"]
    standing.lose(first.digest, "gone")
    assert standing.headline().startswith("3 of 6 trials done, 0 running, 2 failed")


def test_time_left_comes_from_the_pace_so_far(plan, monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    standing = standing_of(plan)
    assert standing.seconds_left() is None
    standing.start(plan.trials[0].digest)
    now = 108.0
    standing.finish(record_of(plan.trials[0]))
    # 4 steps took 8 s; 5 trials of 4 steps are left, two at once.
    assert standing.seconds_left() == 20.0
    assert "about 20 s left" in standing.headline()


def test_a_loss_once_known_stays_until_a_newer_one(plan):
    standing = standing_of(plan)
    standing.start(plan.trials[0].digest)
    standing.step(plan.trials[0].digest, 1, 0.5)
    standing.step(plan.trials[0].digest, 2, None)
    assert standing.lines() == ["lpf-8 · seed 0: step 2 of 4, loss 0.5"]


def test_without_a_terminal_lines_come_at_intervals(plan, monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.01)
    console = Console(file=io.StringIO(), width=200)
    with shown(standing_of(plan), console):
        time.sleep(0.1)
    assert "0 of 6 trials done, 0 running, 0 failed" in console.file.getvalue()


def test_a_terminal_gets_a_live_picture(plan):
    console = Console(file=io.StringIO(), width=200, force_terminal=True)
    standing = standing_of(plan)
    standing.start(plan.trials[0].digest)
    with shown(standing, console):
        time.sleep(0.3)
    assert "lpf-8 · seed 0" in console.file.getvalue()


def test_durations_read_as_one_would_say_them():
    assert [duration(s) for s in (5, 89, 600, 7200)] == ["5 s", "89 s", "10 min", "2.0 h"]
