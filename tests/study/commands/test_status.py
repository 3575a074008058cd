"""`modstudy status`: how far a study is, arm by arm; without a name, how far each study is."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

from core.storage.records import Ask, PlanSegment, StudyPlan
from core.storage.store import Store
from study.commands.options import BAD_INPUT, OK
from study.execution import lease as lease_module
from study.execution.lease import Lease
from tests.support.command_line import Command, flat
from tests.support.tiny_study import SEARCH, commit, create_study, tiny_plan


def begun(root: Path) -> tuple[StudyPlan, Store]:
    """A study with a finished trial, a failed one, and one that has a checkpoint."""
    plan = tiny_plan()
    store = create_study(root, plan)
    commit(store, plan.trials[0])
    commit(store, plan.trials[1], outcome="failed", error="OSError: disk full\nmore", metrics={})
    store.begin(plan.trials[2].digest).put("checkpoint-2.pt", b"")
    return plan, store


def test_it_shows_what_is_done_and_how_to_go_on(modstudy: Command, tmp_path: Path) -> None:
    plan, _ = begun(tmp_path / "runs" / "mine")
    result = modstudy("status", "mine")
    text = flat(result)
    assert result.exit_code == OK
    assert "6 planned: 1 finished, 1 failed, 4 open" in text
    assert "not running" in text
    assert f"{plan.trials[1].arm} seed {plan.trials[1].seed} failed: OSError: disk full more" in text
    assert "modstudy resume mine" in text
    rows = {cells[0]: cells[1:] for line in result.output.splitlines() if (cells := cells_of(line))}
    assert rows == {"arm": ["0", "1"], "lpf-8": ["✓", "·"], "frame": ["failed", "·"], "constant": ["·", "·"]}


def test_every_trial_is_listed_on_request(modstudy: Command, tmp_path: Path) -> None:
    plan, _ = begun(tmp_path / "runs" / "mine")
    text = flat(modstudy("status", "mine", "--trials"))
    assert "failed: OSError: disk full" in text
    assert "checkpoint at step 2 of 4" in text
    assert all(trial.digest in text for trial in plan.trials)


def test_a_cancelled_trial_is_counted_is_no_failure_and_shows_where_it_goes_on(
    modstudy: Command, tmp_path: Path
) -> None:
    plan, store = begun(tmp_path / "runs" / "mine")
    commit(store, plan.trials[2], outcome="cancelled", steps=3, error="the study was stopped", metrics={})
    text = flat(modstudy("status", "mine", "--trials"))
    assert "6 planned: 1 finished, 1 cancelled, 1 failed, 3 open" in text
    assert "cancelled: checkpoint at step 2 of 4" in text
    assert "the study was stopped" not in text
    assert "modstudy resume mine" in text


def test_many_arms_are_cut_and_counted(modstudy: Command, tmp_path: Path) -> None:
    arms = [{"name": f"lr-{i}", "config": {"optimizer": {"lr": i / 1000}}} for i in range(1, 60)]
    create_study(tmp_path / "runs" / "mine", tiny_plan(arms=arms, seeds=[0]))
    text = flat(modstudy("status", "mine"))
    assert "lr-40" in text
    assert "lr-41" not in text
    assert "and 19 more arms: --trials lists every trial" in text
    assert "59 planned: 59 open" in text


def test_a_running_study_shows_what_its_driver_does(modstudy: Command, tmp_path: Path) -> None:
    _, store = begun(tmp_path / "runs" / "mine")
    running = [{"label": "frame · seed 1", "step": 2, "max_steps": 4, "loss": 0.5}]
    progress = {"planned": 6, "done": 2, "failed": 1, "seconds_left": 100.0, "running": running}
    lease = Lease(store, 1)
    store.put(lease.key("holder"), json.dumps(asdict(lease_module._this_process())).encode())
    beat = {"at": 0.0, "beat": 1, "phase": "training", "progress": progress}
    store.put(lease.key("heartbeat"), json.dumps(beat).encode())
    text = flat(modstudy("status", "mine"))
    assert f"(process {os.getpid()}, since" in text
    assert "training; 2 of 6 trials done, 1 failed; about 2 min left" in text
    assert "frame · seed 1: step 2 of 4, loss 0.5" in text
    assert "modstudy resume" not in text


def test_a_study_that_is_done_needs_no_command(modstudy: Command, tmp_path: Path) -> None:
    plan = tiny_plan()
    store = create_study(tmp_path / "runs" / "mine", plan)
    for trial in plan.trials:
        commit(store, trial)
    text = flat(modstudy("status", "mine"))
    assert "6 planned: 6 finished" in text
    assert "modstudy resume" not in text


def test_a_search_between_two_rounds_can_go_on(modstudy: Command, tmp_path: Path) -> None:
    plan = tiny_plan(search=SEARCH)
    store = create_study(tmp_path / "runs" / "mine", plan)
    for trial in plan.trials:
        commit(store, trial)
    text = flat(modstudy("status", "mine"))
    assert "6 planned: 6 finished" in text
    assert "modstudy resume mine" in text


def test_proposals_that_were_not_run_are_counted_and_explained(modstudy: Command, tmp_path: Path) -> None:
    grid = [{"path": "parameterization.kind", "values": ["spline"]}]
    space = [*SEARCH["space"], {"path": "parameterization.n_segments", "low": 2, "high": 30_000}]
    plan = tiny_plan(arms=[], search={**SEARCH, "grid": grid, "space": space})
    store = create_study(tmp_path / "runs" / "mine", plan)
    store.append_segment(PlanSegment(stage="search", asks=rejected()))
    text = flat(modstudy("status", "mine"))
    assert "search: 50 proposals, 50 infeasible, 0 repeated" in text
    assert "cell 'spline' ended with 0 of 5 arms: 50 proposals in a row were infeasible" in text
    assert "too many segments" in text


def rejected() -> tuple[Ask, ...]:
    """Proposals of a cell that were all infeasible."""
    settings = {"parameterization.kind": "spline", "parameterization.n_segments": 9999, "optimizer.lr": 0.01}
    return tuple(
        Ask(number=number, cell="spline", sampler="random", settings=settings, problem="too many segments")
        for number in range(50)
    )


def test_a_study_of_another_version_is_listed_with_its_version_and_hides_no_other(
    modstudy: Command, tmp_path: Path
) -> None:
    begun(tmp_path / "runs" / "begun")
    plan = tiny_plan(seeds=[0])
    create_study(tmp_path / "runs" / "old", replace(plan, definition=replace(plan.definition, schema_version=2)))
    text = flat(modstudy("status"))
    assert "begun" in text
    assert "schema version 2" in " ".join(text.replace("│", " ").split())
    refused = modstudy("status", "old")
    assert refused.exit_code == BAD_INPUT
    assert "runs/old/study.json was stored with schema version 2, and this modstudy reads version 4" in flat(refused)


def test_a_study_that_is_not_there_is_named_with_those_that_are(modstudy: Command, tmp_path: Path) -> None:
    assert "there is none yet: modstudy launch STUDY" in flat(modstudy("status", "none"))
    create_study(tmp_path / "runs" / "mine", tiny_plan())
    result = modstudy("status", "none")
    assert result.exit_code == BAD_INPUT
    assert "there is no study 'none' under runs; studies there: mine" in flat(result)


def cells_of(line: str) -> list[str]:
    """The cells of a table's row, none for a line that is no row."""
    cells = [cell.strip() for cell in line.replace("┃", "│").split("│")]
    return cells[1:-1]


def test_with_many_seeds_the_trials_of_an_arm_are_counted(modstudy: Command, tmp_path: Path) -> None:
    plan = tiny_plan(seeds=list(range(20)))
    store = create_study(tmp_path / "runs" / "many", plan)
    for trial in plan.trials[:25]:
        commit(store, trial)
    rows = {cells[0]: cells[1:] for line in modstudy("status", "many").output.splitlines() if (cells := cells_of(line))}
    assert rows["arm"] == ["seeds", "finished", "open"]
    assert {name: row[0] for name, row in rows.items() if name != "arm"} == dict.fromkeys(
        ("lpf-8", "frame", "constant"), "20"
    )
    assert sum(int(row[1] or 0) for name, row in rows.items() if name != "arm") == 25


def test_a_look_at_a_study_waits_for_neither_torch_nor_ray(tmp_path: Path) -> None:
    begun(tmp_path / "runs" / "begun")
    code = (
        "import sys; from study.cli import app; app(['status', 'begun'], standalone_mode=False); "
        "sys.exit(', '.join({'torch', 'ray', 'mlflow', 'optuna'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "begun" in done.stdout
