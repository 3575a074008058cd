"""`modstudy stop` ends a study that runs elsewhere."""

import json
from dataclasses import asdict
from pathlib import Path

from core.storage.store import Store
from study.commands.options import BAD_INPUT, OK
from study.execution import lease as lease_module
from tests.support.command_line import Command, flat
from tests.support.tiny_study import create_study, tiny_plan


def test_a_study_that_does_not_run_has_nothing_to_stop(modstudy: Command, tmp_path: Path) -> None:
    create_study(tmp_path / "runs" / "mine", tiny_plan())
    result = modstudy("stop", "mine")
    assert result.exit_code == OK
    assert "mine is not running." in flat(result)


def test_a_running_study_is_asked_to_stop(modstudy: Command, tmp_path: Path) -> None:
    store = create_study(tmp_path / "runs" / "mine", tiny_plan())
    lease = hold(store)
    result = modstudy("stop", "mine")
    assert result.exit_code == OK
    assert "stops when its running trials have ended; --now stops it at once" in flat(result)
    assert json.loads(store.get(lease.key("stop"))) == {"mode": "finish"}


def test_a_second_launch_says_where_the_study_runs(modstudy: Command, tmp_path: Path) -> None:
    hold(create_study(tmp_path / "runs" / "mine", tiny_plan()))
    result = modstudy("resume", "mine")
    assert result.exit_code == BAD_INPUT
    assert "mine is running on " in flat(result)
    assert "modstudy status mine --watch" in flat(result)


def hold(store: Store) -> lease_module.Lease:
    """A lease of this process, without its heartbeat."""
    lease = lease_module.Lease(store, 1)
    store.put(lease.key("holder"), json.dumps(asdict(lease_module._this_process())).encode())
    return lease
