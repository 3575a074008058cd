"""`modstudy launch`: bad input is one line and exit code 2, before anything is written or started."""

from pathlib import Path

import pytest

from core.training.warmup import TrialCosts
from study.commands.options import BAD_INPUT, OK
from tests.support.command_line import Command, flat
from tests.support.tiny_study import SEARCH, commit, create_study, tiny_plan

STUDY = """
question = "Does it run?"
[config]
device = "cpu"
trainer = { max_steps = 4 }
[[arms]]
name = "frame"
config = { parameterization = { kind = "frame" } }
"""

SOUNDS = ("--set", "data.kind=audio_folder", "--set", "synth.oscillator.kind=learnable")


@pytest.fixture(autouse=True)
def study_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(STUDY)
    return path


@pytest.fixture(autouse=True)
def costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own, and costs that are not measured: a trial of four steps takes 46.5 s."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    costs = TrialCosts(step_s=10.0, clip_s=0.01, n_weights=1000)
    monkeypatch.setattr("core.training.warmup.measure_costs", lambda _: costs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["quickstrat"], "there is no study 'quickstrat'; did you mean quickstart?"),
        (["none.toml"], "cannot read none.toml"),
        (["mine.toml", "--set", "trainer.max_step=3"], "unknown setting trainer.max_step; did you mean"),
        (["mine.toml", "--set", "trainer.max_steps=-3"], "greater than or equal to 0; got -3"),
        (["mine.toml", "--set", "trainer.max_steps"], "a setting is PATH=VALUE"),
        (["mine.toml", "--set", "data.kind=audio_folder"], "synth.oscillator.wavetable='data' means the table"),
        (["mine.toml", *SOUNDS], "data.folder must name the folder of the sounds"),
        (["mine.toml", *SOUNDS, "--set", "data.folder=none"], "data.folder must be a folder; there is none at none"),
        (
            ["mine.toml", "--gpus-per-trial", "64"],
            "the trials take 1 CPU and 64 GPUs, and there is no room on this",
        ),
        (["mine.toml", "--cpus-per-trial", "4096"], "the trials take 4096 CPUs, and there is no room on this machine"),
        (["mine.toml", "--trials-at-once", "4096"], "--trials-at-once 4096 does not fit"),
        (["mine.toml", "--name", "../up"], "the name of a study has"),
        (["mine.toml", "--seeds", "0"], "--seeds is the number of seeds, at least 1; got 0"),
        (["mine.toml", "--set", "seed=3"], "give their number by --seeds; not `seed`"),
    ],
)
def test_bad_input_is_one_error_before_anything_starts(
    modstudy: Command, tmp_path: Path, arguments: list[str], message: str
) -> None:
    result = modstudy("launch", *arguments)
    assert result.exit_code == BAD_INPUT
    assert message in flat(result)
    assert flat(result).count("error:") == 1
    assert "Traceback" not in result.output
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_shows_what_would_run_and_writes_nothing(modstudy: Command, tmp_path: Path) -> None:
    result = modstudy("launch", "mine.toml", "--dry-run", "--seeds", "3", "--trials-at-once", "1")
    assert result.exit_code == OK, result.output
    text = flat(result)
    for part in (
        "mine: Does it run?",
        "design: 1 arm x 3 seeds, 3 trials",
        "per trial 45.1 s by a few steps of each kind of arm",
        "GiB per trial, estimated within a factor of 2; arm ",
        "0.0376 core hours; 3 min with 1 trial at once",
        "16,000 Hz, clips of 1 s, curves at 128 frames per second",
        "384 training, 32 validation and 64 test clips",
        "3 seeds; the report compares no arms",
        "This was a dry run",
    ):
        assert part in text
    assert "digest" not in text
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_lists_the_trials_on_request(modstudy: Command) -> None:
    result = modstudy("launch", "mine.toml", "--dry-run", "--trials", "--seeds", "3", "--set", "trainer.max_steps=3")
    assert result.exit_code == OK, result.output
    assert "mine: 3 trials" in flat(result)
    assert "digest" in flat(result)


def test_a_dry_run_of_a_grown_study_shows_what_is_there_and_what_comes(modstudy: Command, tmp_path: Path) -> None:
    plan = tiny_plan()
    store = create_study(tmp_path / "runs" / "tiny", plan)
    commit(store, plan.trials[0])
    (tmp_path / "tiny.toml").write_text(
        'question = "Does it run?"\nseeds = [0, 1]\n'
        '[config]\ndevice = "cpu"\ndata = { kind = "synthetic", n_train = 8, n_validation = 4, n_test = 4 }\n'
        "trainer = { max_steps = 4, batch_size = 2, validate_every = 2, checkpoint_every = 2 }\n"
        '[[arms]]\nname = "lpf-8"\nconfig = { parameterization = { kind = "low_pass", cutoff_hz = 8.0 } }\n'
        '[[arms]]\nname = "frame"\nconfig = { parameterization = { kind = "frame" } }\n'
        '[[arms]]\nname = "constant"\nconfig = { parameterization = { kind = "constant" } }\n'
        '[[arms]]\nname = "spline"\nconfig = { parameterization = { kind = "spline" } }\n'
    )
    result = modstudy("launch", "tiny.toml", "--dry-run", "--trials", "--seeds", "3")
    assert result.exit_code == OK, result.output
    assert "design: 4 arms x 3 seeds, 12 trials" in flat(result)
    assert "The study exists: 1 of its 6 trials have ended, and this adds 6." in flat(result)
    assert "tiny: 12 trials" in flat(result)
    for trial in plan.trials:
        assert trial.digest in result.output
    assert len(list((tmp_path / "runs" / "tiny").rglob("*.json"))) == 5


def test_a_dry_run_states_how_many_arms_a_search_will_propose(modstudy: Command, tmp_path: Path) -> None:
    (tmp_path / "searched.toml").write_text(
        STUDY + f"[search]\narms_per_cell = {SEARCH['arms_per_cell']}\nround_size = {SEARCH['round_size']}\n"
        'sampler = { kind = "random" }\n'
        '[[search.space]]\npath = "optimizer.lr"\nlow = 1e-4\nhigh = 1e-1\nlog = true\n'
    )
    result = modstudy("launch", "searched.toml", "--dry-run")
    assert result.exit_code == OK, result.output
    assert "search: 5 arms x 2 seeds, 10 trials" in flat(result)
    assert "confirm: at most 5 arms x 4 seeds, 4 to 20 trials" in flat(result)
    assert "trials 18 to 34" in flat(result)


def test_a_dry_run_of_many_arms_is_short(modstudy: Command, tmp_path: Path) -> None:
    values = list(range(1, 1001))
    (tmp_path / "many.toml").write_text(
        f'question = "Does it run?"\n[[space]]\npath = "trainer.max_steps"\nvalues = {values}\n'
    )
    result = modstudy("launch", "many.toml", "--dry-run")
    assert result.exit_code == OK, result.output
    assert "and 988 more (--trials lists them)" in flat(result)
    assert "design: 1,000 arms x 1 seed, 1,000 trials" in flat(result)
    assert len(result.output.splitlines()) < 30


def test_a_name_that_exists_with_another_plan_is_refused(modstudy: Command, tmp_path: Path) -> None:
    create_study(tmp_path / "runs" / "mine", tiny_plan())
    result = modstudy("launch", "mine.toml")
    assert result.exit_code == BAD_INPUT
    error = flat(result)
    assert "study 'mine' exists with another plan (arms lpf-8, constant only in the stored plan; " in error
    assert "data.n_test: 4 stored, 64 new" in error
    assert "choose another name: --name NAME" in error


def test_a_race_is_planned_with_the_seeds_of_its_first_comparison(modstudy: Command, tmp_path: Path) -> None:
    result = modstudy("launch", "mine.toml", "--until-decided", "--dry-run")
    assert result.exit_code == OK
    assert "design: 1 arm x 3 seeds, 3 trials" in flat(result)
    assert "race: 1 arm x up to 5 further seeds, 0 to 5 trials" in flat(result)
    assert not (tmp_path / "runs").exists()


def test_the_number_of_seeds_of_a_race_is_not_the_users(modstudy: Command) -> None:
    result = modstudy("launch", "mine.toml", "--until-decided", "--seeds", "4")
    assert result.exit_code == BAD_INPUT
    assert "leave out --seeds 4" in flat(result)
