"""The command line with real workers: launch, repeat, grow, search, reuse."""

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient

from core.storage.store import Store
from tests.support.command_process import records, run, study_at, succeed, trial_files
from tests.support.mlflow_runs import runs_of
from tests.support.trained_study import CONSTANT, FRAME, LOW_PASS, config_text, study_text

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SEARCH = """
[search]
arms_per_cell = 3
round_size = 2
sampler = { kind = "random" }
[[search.space]]
path = "optimizer.lr"
low = 1e-3
high = 1e-1
log = true
"""


# ----------------------------------------------------------------------------------------------- from launch to report


def test_a_study_runs_to_its_report_and_its_command_can_be_repeated(folder: Path) -> None:
    first = succeed(folder, "launch", "tiny.toml")
    store = study_at(folder, "tiny")
    assert "4 of 4 trials done, 0 running, 0 failed" in first
    assert "Report: runs/tiny/report/index.html" in first
    assert "Front over audio.mss" in first
    summary = json.loads((folder / "runs/tiny/summary.json").read_text())
    assert (summary["counts"]["planned"], summary["counts"]["finished"]) == (4, 4)
    assert (folder / "runs/tiny/report/index.html").stat().st_size > 10_000
    assert len(runs_of(MlflowClient(tracking_uri=f"sqlite:///{folder}/runs/mlflow.db"), store)) == 1 + 2 + 4
    before = trial_files(store)
    second = succeed(folder, "launch", "tiny.toml")
    assert "All 4 trials of tiny are done, and its report is up to date: " in second
    assert trial_files(store) == before
    assert "4 planned: 4 finished" in succeed(folder, "status", "tiny")
    assert "Does it run?" in succeed(folder, "status")
    succeed(folder, "report", "tiny")
    other = run(folder, "launch", "tiny.toml", "--set", "trainer.max_steps=5")
    assert other.returncode == 2
    assert "study 'tiny' exists with another plan (trainer.max_steps: 4 stored, 5 new)" in other.stderr


def test_a_search_runs_in_rounds_and_is_confirmed_to_its_report(folder: Path) -> None:
    (folder / "searched.toml").write_text(study_text(CONSTANT, SEARCH, seeds=[0]))
    output = succeed(folder, "launch", "searched.toml")
    store = study_at(folder, "searched")
    plan = store.plan()
    *segments, confirmation = plan.segments
    assert [(segment.stage, len(segment.trials)) for segment in segments] == [
        ("design", 1),
        ("search", 4),
        ("search", 2),
    ]
    assert confirmation.stage == "confirm"
    confirmed = {trial.arm for trial in confirmation.trials}
    assert confirmed
    assert confirmed <= {f"search {number:03d}" for number in range(3)}
    assert {trial.seed for trial in confirmation.trials} == {0}
    assert {record.outcome for record in store.ledger()} == {"finished"}
    n_trials = len(plan.trials)
    assert len(records(store)) == n_trials == 7 + len(confirmed)
    assert f"{n_trials} of {n_trials} trials done, 0 running, 0 failed" in output
    for record in store.ledger():
        assert ("test" in record.metrics) == (record.stage != "search")
    page = (folder / "runs/searched/report/index.html").read_text()
    summary = json.loads((folder / "runs/searched/summary.json").read_text())
    assert (summary["counts"]["planned"], summary["counts"]["finished"]) == (n_trials, n_trials)
    runs = runs_of(MlflowClient(tracking_uri=f"sqlite:///{folder}/runs/mlflow.db"), store)
    for name in confirmed:
        assert name in page
        assert f"{name} seed 0" in runs
    before = trial_files(store)
    assert f"All {n_trials} trials of searched are done" in succeed(folder, "resume", "searched")
    assert trial_files(store) == before
    assert len(store.plan().segments) == 4


def test_a_race_runs_until_it_is_decided_and_takes_no_further_seeds(folder: Path) -> None:
    race = "[race]\nmin_seeds = 2\nmax_seeds = 3\ngive_up_below = 0.0\n"
    (folder / "raced.toml").write_text(study_text(LOW_PASS, FRAME, CONSTANT, race, seeds=None))
    succeed(folder, "launch", "raced.toml")
    store = study_at(folder, "raced")
    design, *rounds = store.plan().segments
    assert (design.stage, len(design.trials)) == ("design", 6)
    assert all(segment.stage == "race" for segment in rounds)
    assert {trial.arm for segment in rounds for trial in segment.trials} <= {"lpf-8", "frame"}
    assert {record.outcome for record in store.ledger()} == {"finished"}
    summary = json.loads((folder / "runs/raced/summary.json").read_text())
    assert summary["race"]["is_over"]
    assert summary["race"]["n_trials"] == 4 + sum(len(segment.trials) for segment in rounds)
    before = trial_files(store)
    succeed(folder, "launch", "raced.toml")
    assert trial_files(store) == before
    refused = run(folder, "extend", "raced", "--seeds", "4")
    assert refused.returncode == 2
    assert "a race decides by its results how many seeds an arm gets, here 2 to 3" in " ".join(refused.stderr.split())


# ---------------------------------------------------------------------------------------------------- growth and reuse


def test_more_seeds_train_the_missing_trials_only(folder: Path) -> None:
    succeed(folder, "launch", "tiny.toml")
    store = study_at(folder, "tiny")
    before = trial_files(store)
    output = succeed(folder, "launch", "tiny.toml", "--seeds", "3")
    assert "tiny: 2 trials to run, 4 done before" in output
    assert "6 of 6 trials done, 0 running, 0 failed" in output
    after = trial_files(store)
    assert before.items() <= after.items()
    assert {(record.arm, record.seed, record.outcome) for record in store.ledger()} == {
        (arm, seed, "finished") for arm in ("lpf-8", "constant") for seed in (0, 1, 2)
    }
    new = {record.digest for record in store.ledger() if record.seed == 2}
    assert {path.split("/")[1] for path in after.keys() - before.keys()} == new
    assert len(new) == 2
    assert "All 6 trials of tiny are done" in succeed(folder, "extend", "tiny", "--seeds", "3")
    assert "All 6 trials of tiny are done" in succeed(folder, "launch", "tiny.toml")
    assert trial_files(store) == after


def test_a_study_that_shares_trials_with_another_one_trains_its_own_only(folder: Path) -> None:
    succeed(folder, "launch", "tiny.toml")
    first = study_at(folder, "tiny")
    before = trial_files(first)
    renamed = LOW_PASS.replace("lpf-8", "smooth")
    (folder / "other.toml").write_text(study_text(renamed, FRAME))
    output = succeed(folder, "launch", "other.toml")
    assert "2 trials copied from study tiny: same digests, same code, not trained again" in output
    assert "other: 2 trials to run, 2 done before" in output
    assert "4 of 4 trials done, 0 running, 0 failed" in output
    second = study_at(folder, "other")
    assert {(record.arm, record.seed, record.copied_from) for record in second.ledger()} == {
        ("smooth", 0, "tiny"),
        ("smooth", 1, "tiny"),
        ("frame", 0, None),
        ("frame", 1, None),
    }
    trained = records(first)
    for record in second.ledger():
        if record.copied_from:
            assert record.metrics == trained[record.digest].metrics
            assert record.finished_at == trained[record.digest].finished_at
    assert "smooth" in (folder / "runs/other/report/index.html").read_text()
    assert trial_files(first) == before


# ------------------------------------------------------------------------------------------------------------ one trial


def test_one_trial_trains_without_ray_and_mlflow(folder: Path) -> None:
    (folder / "trial.toml").write_text(config_text())
    output = succeed(folder, "train", "trial.toml", "--out", "mine")
    assert "finished after 4 steps" in output
    assert not (folder / "runs").exists()
    (record,) = Store(folder / "mine").ledger()
    assert (record.outcome, record.arm) == ("finished", "trial")
