"""A study that was really trained: no changed byte goes unnoticed, and a resume gives the numbers from before."""

import random
import shutil
from pathlib import Path

import pytest

from core.storage.store import Store
from core.storage.verification import verify_study
from tests.support.command_process import run, succeed
from tests.support.damage import DAMAGES
from tests.support.study_content import differences, plan_of, trials_of
from tests.support.trained_study import FRAME, LOW_PASS, study_text

N_CHANGES = 200


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished study of two arms and two seeds."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "real.toml").write_text(study_text(LOW_PASS, FRAME))
    succeed(folder, "launch", "real.toml", "--trials-at-once", "2")
    return folder / "runs" / "real"


@pytest.fixture(scope="module")
def committed_files(trained: Path) -> list[Path]:
    """Files of the plan, its copies, and the committed attempts."""
    files = [trained / "study.json", trained / "study-copy.json"]
    for folder in ("plan", "plan-copy", "trials"):
        files += [path for path in sorted((trained / folder).rglob("*")) if path.is_file()]
    return files


def test_a_finished_study_is_intact(trained: Path, committed_files: list[Path]) -> None:
    found = verify_study(Store(trained))
    assert (found.damaged, found.remarks) == ([], [])
    assert found.n_files == len(committed_files)
    endings = {path.suffix for path in committed_files}
    assert endings == {".json", ".arrow", ".flac", ".pt"}
    assert len(verify_study(Store(trained), read_contents=False).damaged) == 0


@pytest.mark.parametrize("number", range(N_CHANGES))
def test_a_change_of_one_byte_is_found(trained: Path, committed_files: list[Path], number: int) -> None:
    rng = random.Random(number)
    path = rng.choice(committed_files)
    data = path.read_bytes()
    at = rng.randrange(len(data))
    path.write_bytes(data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :])
    try:
        found = verify_study(Store(trained))
    finally:
        path.write_bytes(data)
    (damage,) = found.damaged
    assert str(path.relative_to(trained)).startswith(damage.key), damage.problem
    assert str(path) in damage.problem


def test_a_resume_runs_damaged_trials_again_and_gives_the_numbers_from_before(trained: Path, tmp_path: Path) -> None:
    study = tmp_path / "runs" / "real"
    shutil.copytree(trained, study)
    store = Store(study)
    plan, before = plan_of(store), trials_of(store)
    attempts = {digest: store.names(f"trials/{digest}")[-1] for digest in before}
    first, second, third, intact = attempts
    damaged = {
        "plan/0001.json": "empty",
        "study-copy.json": "missing",
        f"trials/{first}/{attempts[first]}/record.json": "one byte",
        f"trials/{second}/{attempts[second]}/curves.arrow": "eight bytes",
        f"trials/{third}/{attempts[third]}/model.pt": "cut",
        f"trials/{third}/{attempts[third]}/clip_values.arrow": "missing",
    }
    for key, damage in damaged.items():
        DAMAGES[damage](study / key)

    verified = run(tmp_path, "verify", "real")
    assert verified.returncode == 1, verified.stdout
    assert all(key in verified.stdout for key in damaged)

    output = " ".join(succeed(tmp_path, "resume", "real", "--trials-at-once", "2").split())
    assert "3 trials to run, 1 done before" in output
    assert output.count("its trial runs again, and its files are kept in damaged/trials/") == 3
    assert output.count("it was restored from its copy") == 2

    assert differences(trials_of(Store(study)), before) == []
    assert plan_of(Store(study)) == plan
    assert succeed(tmp_path, "verify", "real").count("are as they were written") == 1
    for digest in (first, second, third):
        (kept,) = (study / "damaged" / "trials" / digest).iterdir()
        assert kept.name == attempts[digest]
        assert Store(study).names(f"trials/{digest}") != [attempts[digest]]
    assert Store(study).names(f"trials/{intact}") == [attempts[intact]]
    assert (study / "damaged" / "plan" / "0001.json").read_bytes() == b""
    assert "All 4 trials of real are done" in succeed(tmp_path, "resume", "real")
