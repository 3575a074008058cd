"""Secrets: what a user has in the environment, in a root's URI or in an argument is in nothing that a study writes."""

import sqlite3
from pathlib import Path

import pytest

from core.storage.roots import without_credentials
from core.storage.store import Store
from dashboards.finding_sentences import verdict_sentence
from dashboards.report.page import write_report
from tests.support.command_line import Command, flat
from tests.support.fake_study import fake_study
from tests.support.refusals import assert_refused
from tests.support.s3_server import ACCESS_KEY, SECRET_KEY, s3_options
from tests.support.study_on_s3 import ARGUMENT, StudyOnS3
from tests.support.tiny_study import commit, create_study, tiny_plan
from tests.support.watched_study import SECRET_VARIABLES, WatchedStudy

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
PASSWORD_IN_URI = SECRET_KEY.replace("/", "%2F").replace("+", "%2B")
RECORD_ENVIRONMENT = {"code_version", "git_commit", "host", "python", "torch", "threads", "device_name"}
"""What a record says of the place where its trial ran, as the README lists it."""


def files_with(secret: str, folder: Path) -> list[Path]:
    """Files below a folder in which a text is found."""
    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


@pytest.mark.parametrize("name", SECRET_VARIABLES)
def test_the_environment_is_in_no_file_of_a_study(watched_study: WatchedStudy, name: str) -> None:
    assert SECRET_VARIABLES[name] in watched_study.variables, "no process of the study had the variable"
    assert list((watched_study.folder / "runs").rglob("record.json"))
    assert (watched_study.folder / "runs" / "mlflow.db").exists()
    assert files_with(SECRET_VARIABLES[name], watched_study.folder) == []


def test_a_record_says_of_its_machine_what_the_readme_lists(watched_study: WatchedStudy) -> None:
    records = list(Store(watched_study.folder / "runs" / "tiny").ledger())
    assert records
    assert {key for record in records for key in record.environment} == RECORD_ENVIRONMENT


def test_a_record_has_no_path_of_the_users_folders(watched_study: WatchedStudy) -> None:
    records = list((watched_study.folder / "runs").rglob("record.json"))
    assert [path for path in records if str(watched_study.folder) in path.read_text()] == []


def test_the_tracker_is_told_no_path_of_the_program(watched_study: WatchedStudy) -> None:
    with sqlite3.connect(watched_study.folder / "runs" / "mlflow.db") as database:
        tags = dict(database.execute("SELECT key, value FROM tags").fetchall())
    assert tags
    assert not {"mlflow.source.name", "mlflow.source.git.repoURL"} & tags.keys()


@pytest.mark.parametrize("secret", [ACCESS_KEY, SECRET_KEY, PASSWORD_IN_URI, ARGUMENT])
def test_secrets_of_the_command_line_are_in_no_value_of_the_root(study_on_s3: StudyOnS3, secret: str) -> None:
    objects = study_on_s3.objects()
    assert any(key.endswith("record.json") for key in objects)
    assert any(key.endswith("report/index.html") for key in objects)
    assert [key for key, value in objects.items() if secret.encode() in value] == []


@pytest.mark.parametrize("secret", [ACCESS_KEY, SECRET_KEY, PASSWORD_IN_URI, ARGUMENT])
def test_secrets_of_the_command_line_are_in_no_file(study_on_s3: StudyOnS3, secret: str) -> None:
    assert (study_on_s3.folder / "server.db").stat().st_size > 0
    assert (study_on_s3.folder / "cache").is_dir()
    assert files_with(secret, study_on_s3.folder) == []


@pytest.mark.parametrize("secret", [SECRET_KEY, PASSWORD_IN_URI, ARGUMENT])
def test_secrets_of_the_command_line_are_not_printed(study_on_s3: StudyOnS3, secret: str) -> None:
    assert "Report:" in study_on_s3.output
    assert secret not in study_on_s3.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "tiny"), ("report", "tiny"), ("resume", "tiny"), ("list",), ("track", "tiny"), ("stop", "tiny"),
        ("curves", "tiny"), ("sounds", "tiny"), ("compare", "tiny", "other"), ("export", "tables", "tiny"),
        ("launch", "quickstart"), ("extend", "tiny", "--seeds", "3"), ("retry", "tiny", "--outcome", "failed"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_an_error_about_a_root_shows_no_credentials(modstudy: Command, arguments: tuple[str, ...]) -> None:
    root = f"s3://{ACCESS_KEY}:{PASSWORD_IN_URI}@no-such-bucket/runs{s3_options()}"
    text = flat(modstudy(*arguments, "--root", root))
    assert not any(secret in text for secret in (SECRET_KEY, PASSWORD_IN_URI, ACCESS_KEY)), text


def test_the_commands_of_a_report_have_no_credentials(tmp_path: Path) -> None:
    analysis = write_report(
        fake_study(tmp_path / "fake", n_clips=0), root=f"s3://key:{ARGUMENT}@bucket/runs?scheme=http"
    )
    text = (tmp_path / "fake" / "report" / "index.html").read_text(encoding="utf-8")
    assert "--root" in verdict_sentence(analysis)
    assert "s3://bucket/runs?scheme=http" in verdict_sentence(analysis)
    assert ARGUMENT not in text


@pytest.mark.parametrize("kind", ["slurm", "kuberay", "ray-yaml"])
@pytest.mark.parametrize(
    "option",
    [
        ("--root", "s3://key:{}@bucket/runs"),
        ("--root", "s3://bucket/runs?secret_key={}"),
        ("--tracking-uri", "http://me:{}@tracker"),
    ],
    ids=["credentials", "key", "tracker"],
)
def test_a_cluster_file_takes_no_credentials(
    modstudy: Command, tmp_path: Path, kind: str, option: tuple[str, str]
) -> None:
    name, uri = option
    options = [name, uri.format(ARGUMENT)] + ([] if kind == "slurm" else ["--image", "a/b:1"])
    options += ["--root", "s3://bucket/runs"] if name != "--root" else []
    message = assert_refused(
        modstudy, "cluster", kind, "quickstart", *options, "--out", "job", folder=tmp_path,
        says=f"{name} must have no credentials",
    )  # fmt: skip
    assert ARGUMENT not in message


@pytest.mark.parametrize(
    ("root", "shown"),
    [
        ("runs", "runs"),
        ("s3://bucket/runs", "s3://bucket/runs"),
        ("s3://key:xyzzy@bucket/runs", "s3://bucket/runs"),
        ("s3://key@bucket", "s3://bucket"),
        ("s3://k:xyzzy@b/runs?scheme=http&endpoint_override=h:1", "s3://b/runs?scheme=http&endpoint_override=h:1"),
        ("s3://b/runs?secret_key=xyzzy&region=eu", "s3://b/runs?region=eu"),
        ("s3://b/runs?session_token=xyzzy", "s3://b/runs"),
    ],
)
def test_a_command_that_is_shown_has_no_credentials(root: str, shown: str) -> None:
    assert without_credentials(root) == shown


@pytest.mark.parametrize("uri", ["http://me:{}@127.0.0.1:1", "mysql://me:{}@127.0.0.1:1/x", "ftp://me:{}@host/x"])
def test_an_error_about_a_tracker_shows_no_password(modstudy: Command, tmp_path: Path, uri: str) -> None:
    plan = tiny_plan()
    store = create_study(tmp_path / "runs" / "tiny", plan)
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    result = modstudy("track", "tiny", "--tracking-uri", uri.format(ARGUMENT))
    assert result.exit_code != 0
    assert ARGUMENT not in flat(result)
    assert files_with(ARGUMENT, tmp_path) == []
