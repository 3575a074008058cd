"""`modstudy symmetry` plays changed curves of a study again and says which changes are heard."""

import csv
from pathlib import Path

import pytest

from core.settings.loading import from_settings
from core.storage.store import Store
from core.training.trial import run_trial
from study.commands.options import BAD_INPUT, OK
from tests.support.command_line import Command, flat
from tests.support.tiny_study import ARMS, TINY, create_study, tiny_plan


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A study with one arm of two seeds, on short sounds."""
    config = TINY["config"]
    changes = {
        "audio": {"duration_s": 0.25},
        "encoder": {"width": 4, "dilations": [1, 2]},
        "trainer": {**config["trainer"], "max_steps": 2},
    }
    plan = tiny_plan(arms=ARMS[1:2], config={**config, **changes})
    store = create_study(tmp_path_factory.mktemp("symmetry") / "tiny", plan)
    for each in plan.trials:
        run_trial(from_settings(plan.config_of(each)), store=store, study="tiny", arm=each.arm)
    return store


def test_each_change_has_a_mean_and_an_interval_over_seeds(modstudy: Command, store: Store, tmp_path: Path) -> None:
    out = tmp_path / "symmetry.csv"
    result = modstudy("symmetry", "tiny", "--root", str(Path(store.root).parent), "--out", str(out))
    assert result.exit_code == OK, result.output
    assert "frame: changes of the curves" in flat(result)
    assert "frame: affine maps between the curves of two seeds" in flat(result)
    assert "Unchanged in at least 90 % of the clips:" in flat(result)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    inversion = [row for row in rows if (row["modulations"], row["change"]) == ("env", "1 - v")]
    distances = [row for row in inversion if row["measure"] == "distance"]
    assert [row["seeds"] for row in distances] == ["0 1", "0", "1"]
    mean, first, second = (float(row["value"]) for row in distances)
    assert mean == pytest.approx((first + second) / 2)
    assert float(distances[0]["lo"]) < mean < float(distances[0]["hi"])
    assert {row["measure"] for row in rows if row["change"] == "one map of all clips"} == {
        "r2.lls1", "r2.lls3", "chance.lls1", "chance.lls3", "negative",
    }  # fmt: skip


def test_an_unknown_arm_is_refused(modstudy: Command, store: Store) -> None:
    result = modstudy("symmetry", "tiny", "--root", str(Path(store.root).parent), "--arm", "fram")
    assert result.exit_code == BAD_INPUT
    assert "there is no arm 'fram'; did you mean frame?" in flat(result)
