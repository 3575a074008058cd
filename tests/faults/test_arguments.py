"""Arguments of commands that make no sense: each is refused by one clear line, and nothing is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.settings.value_rules import MAX_MESSAGE, printable
from study.commands.options import BAD_INPUT
from tests.support.command_line import Command, flat
from tests.support.refusals import MAX_SECONDS, assert_refused, snapshot, time_limit

STUDIES = {
    "300 letters": ("x" * 300, "there is no study 'xxx"),
    "300 letters and an ending": ("x" * 300 + ".toml", "File name too long"),
    "5,000 letters": ("x" * 5000, "there is no study 'xxx"),
    "many folders": ("x/" * 3000 + "a.toml", "File name too long"),
    "nothing": ("", "there is no study ''"),
    "a blank": (" ", "there is no study ' '"),
    "this folder": (".", "there is no study '.'"),
    "the folder above": ("..", "there is no study '..'"),
    "the home of nobody": ("~nosuchuser", "there is no study '~nosuchuser'"),
    "a file in the home of nobody": ("~nosuchuser/a.toml", "cannot read ~nosuchuser/a.toml"),
    "a null character": ("a\x00b", "there is no study 'a\\x00b'"),
    "a null character and an ending": ("a\x00b.toml", "cannot read a\\x00b.toml"),
    "a control character": ("\x1b[31m", "there is no study '\\x1b[31m'"),
    "another direction": ("\u202e", "there is no study '\\u202e'"),
    "no UTF-8": ("\udcff.toml", "cannot read \\udcff.toml"),
    "half a character": ("\ud800.toml", "cannot read \\ud800.toml"),
    "a folder of the system": ("/proc", "there is no study '/proc'"),
    "a device": ("/dev/zero", "there is no study '/dev/zero'"),
    "markup": ("[bold]x[/]", "there is no study '[bold]x[/]'"),
}
NAMES = {
    "300 letters": ("x" * 300, "the name of a study has letters"),
    "nothing": ("", "the name of a study has letters"),
    "a blank": (" ", "the name of a study has letters"),
    "this folder": (".", "the name of a study has letters"),
    "the folder above": ("../x", "the name of a study has letters"),
    "a folder": ("a/b", "the name of a study has letters"),
    "an absolute path": ("/etc", "the name of a study has letters"),
    "a hidden folder": (".git", "the name of a study has letters"),
    "a null character": ("a\x00b", "got 'a\\x00b'"),
    "a control character": ("a\x1b[2Jb", "got 'a\\x1b[2Jb'"),
    "another direction": ("a\u202eb", "got 'a\\u202eb'"),
    "no UTF-8": ("\udcff", "got '\\udcff'"),
    "the database": ("mlflow.db", "the name of something else"),
    "the artifacts": ("mlflow-artifacts", "the name of something else"),
    "a device": ("nul", "the name of a device"),
    "a stranger": ("stranger", "there is no study 'stranger'"),
}
COMMANDS: tuple[tuple[str, ...], ...] = (
    *(("status",), ("report",), ("sounds",), ("resume",), ("stop",), ("track",), ("retry", "--outcome", "failed")),
    *(("export", "tables"), ("export", "figures"), ("export", "optuna"), ("compare", "other")),
    *(("extend", "--seeds", "3"), ("plan", "quickstart", "--diff")),
)
ROOTS = {
    "nothing": ("", "got ''"),
    "5,000 letters": ("x" * 5000, "of 1 to 1024 printable characters"),
    "a null character": ("a\x00b", "got 'a\\x00b'"),
    "a control character": ("\x1b[2J", "got '\\x1b[2J'"),
    "another direction": ("\u202e", "got '\\u202e'"),
    "no UTF-8": ("\udcff", "got '\\udcff'"),
    "a file": ("trial.toml", "trial.toml is none"),
    "a device": ("/dev/null", "/dev/null is none"),
    "a link to nothing": ("dead", "dead is "),
    "no scheme": ("://", "a root is a folder or a URI"),
    "an unknown scheme": ("foo://x", "a root is a folder or a URI"),
    "a web page": ("http://x", "a root is a folder or a URI"),
    "no bucket": ("s3://", "a root on S3 is s3://BUCKET"),
}
ROOT_COMMANDS: tuple[tuple[str, ...], ...] = (
    *(("status",), ("list",), ("status", "x"), ("report", "x"), ("curves",), ("dashboard",)),
    ("compare", "x", "y"),
)
TRIAL = ("train", "trial.toml")
LAUNCH = ("launch", "quickstart")
OPTIONS: tuple[tuple[tuple[str, ...], str], ...] = (
    *(
        ((*LAUNCH, "--seeds", value), f"--seeds is the number of seeds, at least 1; got {value}")
        for value in ("0", "-1")
    ),
    *(((*LAUNCH, "--seeds", value), "at most 100,000; got") for value in ("100001", "9" * 18, "9" * 30)),
    ((*LAUNCH, "--seeds", "50000"), "a study has at most 100,000 trials; this one has"),
    *(((*LAUNCH, "--trials-at-once", value), "--trials-at-once") for value in ("0", "-1", "100001", "9" * 40)),
    *(
        ((*LAUNCH, option, value), option)
        for option in ("--cpus-per-trial", "--gpus-per-trial", "--memory-per-trial", "--trial-timeout", "--max-hours")
        for value in ("-1", "nan", "inf", "-inf", "1e300")
    ),
    *(((*LAUNCH, option, "0"), option) for option in ("--cpus-per-trial", "--trial-timeout", "--max-hours")),
    *(((*LAUNCH, "--wait-for-nodes", value), "--wait-for-nodes") for value in ("-1", "nan", "inf", "1e300")),
    *(((*LAUNCH, "--max-trials", value), "--max-trials") for value in ("0", "-1", "9" * 30)),
    (("retry", "x", "--outcome", "\x1b[2J"), "--outcome is one of"),
    (("retry", "x", "--outcome", "x" * 5000), "--outcome is one of"),
    (("extend", "x"), "extend adds something"),
    ((*LAUNCH, "--trials-at-once", "100001"), "--trials-at-once is a number up to 100,000; got 100001"),
    (("cluster", "slurm", "quickstart", "--cpus-per-trial", "nan"), "--cpus-per-trial is a number up to 10,000"),
    (("cluster", "slurm", "quickstart", "--name", "mlflow.db"), "the name of something else"),
    (("cluster", "slurm", "\x1b[2J"), "there is no study '\\x1b[2J'"),
    (("compare", "x"), "a comparison needs two or more different studies"),
    (("compare", *["x"] * 500), "a comparison needs two or more different studies"),
    (("compare", "x", "y", "--out", "\x1b[2J"), "--out writes a file that ends in"),
    (("new", "x" * 300 + ".toml"), "the name of a study has letters"),
    (("new", "mlflow.db.toml"), "the name of something else"),
    (("new", "nowhere/a.toml"), "cannot write nowhere/a.toml"),
    (("new", "\x1b[2J"), "a study file ends in .toml; got \\x1b[2J"),
    (("train",), "needs a TOML file with one trial's settings"),
    ((*TRIAL, "--out", "trial.toml"), "trial.toml is none"),
    ((*TRIAL, "--out", "x" * 5000), "of 1 to 1024 printable characters"),
)
"""Words of a command, and a part of the message."""
USAGE: tuple[tuple[str, ...], ...] = (
    ("\x1b[31mlaunch",),
    ("x" * 5000,),
    ("\udcff",),
    ("launch",),
    ("launch", "a", "b"),
    ("launch", "quickstart", "--seeds", "9" * 5000),
    ("launch", "quickstart", "--seeds", "1.5"),
    ("launch", "quickstart", "--seeds", "\x1b[2J"),
    ("launch", "quickstart", "--seeds", ""),
    ("launch", "quickstart", "--seeds", "nan"),
    ("launch", "quickstart", "--max-hours", "soon"),
    ("launch", "quickstart", "--\x1b[2J"),
    ("launch", "quickstart", "--" + "x" * 5000),
    ("report", "x", "--within", "-1"),
    ("report", "x", "--within", "nan"),
    ("report", "x", "--within", "inf"),
    ("new", "a\x00b.toml"),
    ("train", "trial.toml", "--out", "a\x00b"),
    ("report", "x", "--within", "101"),
    ("report", "x", "--within", "x" * 5000),
    ("curves", "--worst", "0"),
    ("curves", "--seed", "x"),
    ("curves", "--format", "\x1b[2J"),
    ("dashboard", "--port", "65536"),
    ("dashboard", "--port", "-1"),
    ("export", "tables", "x", "--format", "x" * 5000),
    ("cluster", "slurm", "quickstart", "--nodes", "9" * 30),
    ("cluster", "slurm", "quickstart", "--seeds", "9" * 18),
    ("cluster", "slurm", "quickstart", "--cpus-per-node", "0"),
    ("render", "vital", "out", "--n", "0"),
    ("render", "vital", "out", "--n", "1000000000000"),
    ("render", "vital", "out", "--seed", "-1"),
)
"""Words that typer refuses itself, in a box with its own heading."""


@pytest.fixture(autouse=True)
def things(tmp_path: Path) -> None:
    (tmp_path / "trial.toml").write_text('preset = "small"\n')
    (tmp_path / "dead").symlink_to("nothing")


@pytest.mark.parametrize("command", ["launch", "plan"])
@pytest.mark.parametrize(("study", "says"), STUDIES.values(), ids=STUDIES)
def test_what_names_no_study_is_refused(modstudy: Command, tmp_path: Path, command: str, study: str, says: str) -> None:
    assert_refused(modstudy, command, study, folder=tmp_path, says=says)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(("name", "says"), NAMES.values(), ids=NAMES)
def test_a_name_that_no_study_has_is_refused(
    modstudy: Command, tmp_path: Path, command: tuple[str, ...], name: str, says: str
) -> None:
    # The first study that is compared does not exist either.
    expected = "there is no study" if "compare" in command and says.startswith("there is no") else says
    assert_refused(modstudy, *command, name, folder=tmp_path, says=expected)


@pytest.mark.parametrize(("name", "says"), [each for each in NAMES.values() if each[0] != "stranger"], ids=repr)
def test_a_study_is_not_stored_under_a_bad_name(modstudy: Command, tmp_path: Path, name: str, says: str) -> None:
    if name:  # An empty name is no name, so that of the study file is taken.
        assert_refused(modstudy, "launch", "quickstart", "--name", name, folder=tmp_path, says=says)


@pytest.mark.parametrize("command", ROOT_COMMANDS, ids=" ".join)
@pytest.mark.parametrize(("root", "says"), ROOTS.values(), ids=ROOTS)
def test_a_root_that_is_none_is_refused(
    modstudy: Command, tmp_path: Path, command: tuple[str, ...], root: str, says: str
) -> None:
    assert_refused(modstudy, *command, "--root", root, folder=tmp_path, says=says)


@pytest.mark.parametrize(("words", "says"), OPTIONS, ids=[printable(" ".join(words))[-40:] for words, _ in OPTIONS])
def test_an_option_that_makes_no_sense_is_refused(
    modstudy: Command, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    assert_refused(modstudy, *words, folder=tmp_path, says=says)


@pytest.mark.parametrize("words", USAGE, ids=[printable(" ".join(words))[-40:] for words in USAGE])
def test_words_that_are_no_command_are_refused(modstudy: Command, tmp_path: Path, words: tuple[str, ...]) -> None:
    before = snapshot(tmp_path)
    with time_limit(MAX_SECONDS):
        result = modstudy(*words)
    text = flat(result)
    assert result.exit_code == BAD_INPUT, text
    assert "Traceback" not in text
    assert text.isprintable(), repr(text)
    assert len(text) < 2 * MAX_MESSAGE
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "words", [(b"launch", b"\xff\xfe.toml"), (b"status", b"\xff"), (b"list", b"--root", b"\xff"), (b"\xff",)], ids=repr
)
def test_bytes_that_are_no_text_are_refused_by_the_real_command_line(tmp_path: Path, words: tuple[bytes, ...]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [os.fsencode(sys.executable), b"-m", b"study.cli", *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == BAD_INPUT
    assert b"Traceback" not in done.stderr
    assert printable(done.stderr.decode("utf-8"), keep="\n") == done.stderr.decode("utf-8")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet=st.characters(), min_size=1, max_size=40).filter(lambda text: not text.startswith("-")))
def test_any_text_as_a_name_or_a_study_ends_in_one_line(modstudy: Command, tmp_path: Path, text: str) -> None:
    assert_refused(modstudy, "status", text, folder=tmp_path)
    assert_refused(modstudy, "plan", f"{text}.toml", folder=tmp_path)
    assert_refused(modstudy, "train", "trial.toml", "--set", f"encoder.{text}", folder=tmp_path)
