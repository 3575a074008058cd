"""Bad input is one line and exit code 2, before anything is written or started."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from core.storage.store import Store
from search_spaces.study_file import parse_study
from study import cli
from study.planning.plan import make_plan
from tests.support.tiny_study import TINY, commit

STUDY = """
question = "Does it run?"
[config]
device = "cpu"
trainer = { max_steps = 4 }
[[arms]]
name = "frame"
config = { parameterization = { kind = "frame" } }
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(STUDY)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(cli.app, [str(argument) for argument in arguments])


def flat(result):
    return " ".join(result.output.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["quickstrat"], "there is no study 'quickstrat'; did you mean quickstart?"),
        (["none.toml"], "cannot read none.toml"),
        (["mine.toml", "--set", "trainer.max_step=3"], "unknown setting trainer.max_step; did you mean"),
        (["mine.toml", "--set", "trainer.max_steps=-3"], "greater than or equal to 0; got -3"),
        (["mine.toml", "--set", "trainer.max_steps"], "a setting is PATH=VALUE"),
        (["mine.toml", "--set", "data.kind=audio_folder"], "data.folder says where the sounds are, and is not set"),
        (["mine.toml", "--set", "data.kind=audio_folder", "--set", "data.folder=none"], "none"),
        (["mine.toml", "--gpus-per-trial", "64"], "--gpus-per-trial 64 is more than the"),
        (["mine.toml", "--cpus-per-trial", "4096"], "--cpus-per-trial 4096 is more than the"),
        (["mine.toml", "--trials-at-once", "4096"], "--trials-at-once 4096 does not fit"),
        (["mine.toml", "--name", "../up"], "the name of a study has"),
    ],
)
def test_bad_input_is_one_error_before_anything_starts(run, tmp_path, arguments, message):
    result = run("launch", *arguments)
    assert result.exit_code == 2
    assert message in flat(result)
    assert flat(result).count("error:") == 1
    assert "Traceback" not in result.output
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_shows_the_plan_and_writes_nothing(run, tmp_path):
    result = run("launch", "mine.toml", "--dry-run", "--set", "trainer.max_steps=3")
    assert result.exit_code == 0
    assert "mine: 1 trials" in flat(result)
    assert not (tmp_path / "runs").exists()


def kept(tmp_path):
    plan = make_plan(parse_study(TINY)).plan
    store = Store(tmp_path / "runs" / "mine")
    store.put_plan(plan)
    return plan, store


def test_a_name_that_exists_with_another_plan_is_refused(run, tmp_path):
    kept(tmp_path)
    result = run("launch", "mine.toml")
    assert result.exit_code == 2
    assert "study 'mine' exists under runs with another plan (arms lpf-8, constant only in the old plan;" in flat(
        result
    )
    assert "choose another name: --name NAME" in flat(result)


def test_a_resume_over_other_code_is_refused_unless_allowed(run, tmp_path, monkeypatch):
    kept(tmp_path)
    monkeypatch.setattr("core.code_version.code_version", lambda: "another")
    result = run("resume", "mine")
    assert result.exit_code == 2
    assert "and this is another" in flat(result)
    assert "--allow-code-change" in flat(result)


def test_a_study_that_is_not_there_is_named_with_those_that_are(run, tmp_path):
    assert "there is none yet: modstudy launch STUDY" in flat(run("resume", "none"))
    kept(tmp_path)
    result = run("status", "none")
    assert result.exit_code == 2
    assert "there is no study 'none' under runs; studies there: mine" in flat(result)


def test_status_tells_what_is_done_and_how_to_go_on(run, tmp_path):
    plan, store = kept(tmp_path)
    commit(store, plan.trials[0])
    commit(store, plan.trials[1], outcome="failed", error="OSError: disk full\nmore", metrics={})
    store.begin(plan.trials[2].digest).put("checkpoint-2.pt", b"")
    text = flat(run("status", "mine"))
    assert "6 planned: 1 finished, 0 diverged, 1 failed, 4 open" in text
    assert "failed: OSError: disk full" in text
    assert "checkpoint at step 2 of 4" in text
    assert "modstudy resume mine" in text


def test_the_catalog_is_json_on_request(run):
    result = run("catalog", "--json")
    assert result.exit_code == 0
    assert {"parameterizations", "synths", "metrics", "data_sources"} <= set(json.loads(result.output))


def test_studies_lists_question_arms_and_trials(run):
    text = flat(run("studies", "--no-estimate"))
    assert "quickstart" in text
    assert "own_sounds" in text
    assert "14" in text


def test_help_answers_without_the_heavy_libraries():
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom study.cli import app\n"
        "assert 'launch' in CliRunner().invoke(app, ['--help']).output\n"
        "print(*sorted({'torch', 'ray', 'mlflow', 'numpy'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
