"""Ray's token: nobody without it can use the Ray of a session or a cluster, and whoever has it needs nothing else."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.errors import StudyError
from study.cluster_files.kuberay import KubeRaySettings, kuberay_job
from study.cluster_files.ray_yaml import AwsProvider, GcpProvider, Provider, RayYamlSettings, ray_cluster_file
from study.cluster_files.settings import Nodes, StudyRun
from study.cluster_files.slurm import SlurmSettings, slurm_script
from study.execution.cluster import cluster_session
from study.execution.ray_session import ray_session
from study.execution.ray_token import MODE, TOKEN, TOKEN_PATH, own_token
from study.planning.resources import Machine
from tests.support.command_process import PATIENCE_S, command
from tests.support.ray_cluster import RayCluster, ray_cluster
from tests.support.trained_study import CONSTANT, study_text

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
RIGHT, WRONG = "a" * 64, "b" * 64
RUN = StudyRun(study="quickstart", name="quickstart", root="s3://bucket/studies")
ASK = """\
import sys
from ray._raylet import GcsClient
from ray.exceptions import AuthenticationError
try:
    print("admitted to", len(GcsClient(address=sys.argv[1]).get_all_node_info(timeout=20)))
except AuthenticationError:
    print("refused")
"""


@pytest.fixture(scope="module")
def clusters() -> Iterator[dict[str, RayCluster]]:
    """A cluster of one node with a token, and one without."""
    with ExitStack() as stack:
        variables = {"token": {MODE: "token", TOKEN: RIGHT}, "open": {MODE: "disabled"}}
        found = {}
        for name, environment in variables.items():
            found[name] = stack.enter_context(ray_cluster())
            found[name].start("head", environment=environment)
        yield found


def answer(address: str, variables: dict[str, str], home: Path) -> str:
    """What a process of another user with these variables is told by a cluster."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, "-c", ASK, address],
        env={**environment, "HOME": str(home), **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout.strip() or done.stderr


def dry_run(folder: Path, address: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """`modstudy launch --dry-run` on a cluster, by a user with these variables."""
    (folder / "tiny.toml").write_text(study_text(CONSTANT, seeds=[0]), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    return subprocess.run(
        command("launch", "tiny.toml", "--dry-run", "--address", address),
        cwd=folder,
        env={**environment, "HOME": str(folder), "PYTHONPATH": str(Path.cwd()), **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def test_the_ray_of_a_session_admits_only_who_can_read_its_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    # The token of some cluster, or a mode, that the user has set is of no use here.
    monkeypatch.setenv(TOKEN, WRONG)
    monkeypatch.setenv(MODE, "disabled")
    with ray_session(Machine(cpus=1, gpus=0), threads=1) as folder:
        address = ray.get_runtime_context().gcs_address
        assert answer(address, {}, tmp_path) == "refused"
        assert answer(address, {MODE: "token", TOKEN: WRONG}, tmp_path) == "refused"
        assert answer(address, {MODE: "token", TOKEN_PATH: str(folder / "ray-token")}, tmp_path) == "admitted to 1"
        assert ray.get(ray.remote(lambda: 3).remote()) == 3
    assert (os.environ[TOKEN], os.environ[MODE]) == (WRONG, "disabled")


def test_each_session_has_a_token_of_its_own(tmp_path: Path) -> None:
    tokens = set()
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        with own_token(tmp_path / str(number)):
            assert os.environ[MODE] == "token"
            tokens.add(Path(os.environ[TOKEN_PATH]).read_text())
    assert len(tokens) == 3
    assert {len(token) for token in tokens} == {64}


def test_a_file_that_another_user_put_there_is_no_token(tmp_path: Path) -> None:
    (tmp_path / "ray-token").write_text(WRONG)
    with pytest.raises(FileExistsError), own_token(tmp_path):
        pass


@pytest.mark.parametrize(
    "variables",
    [{TOKEN: RIGHT}, {TOKEN: RIGHT, MODE: "token"}, {TOKEN: RIGHT, MODE: "disabled"}],
    ids=["token", "token and mode", "token and the wrong mode"],
)
def test_a_user_with_the_token_needs_nothing_else(
    clusters: dict[str, RayCluster], tmp_path: Path, variables: dict[str, str]
) -> None:
    done = dry_run(tmp_path, clusters["token"].address, **variables)
    assert done.returncode == 0, done.stderr
    assert "has no token" not in done.stdout


def test_a_token_file_in_the_users_home_is_found(clusters: dict[str, RayCluster], tmp_path: Path) -> None:
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text(RIGHT)
    done = dry_run(tmp_path, clusters["token"].address)
    assert done.returncode == 0, done.stderr


def test_a_cluster_without_a_token_is_warned_of(clusters: dict[str, RayCluster], tmp_path: Path) -> None:
    done = dry_run(tmp_path, clusters["open"].address)
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "warning: the cluster has no token: whoever reaches its ports can run code as you." in text


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "wants a token, and there is none here; give the token"),
        ({TOKEN: WRONG}, "refuses the token that is here; give the token"),
        ({TOKEN: ""}, "wants a token, and there is none here"),
        ({TOKEN_PATH: "{folder}/none"}, "RAY_AUTH_TOKEN_PATH must name a file with the cluster's token; got"),
        ({TOKEN_PATH: "{folder}"}, "RAY_AUTH_TOKEN_PATH must name a file with the cluster's token; got"),
        ({TOKEN_PATH: "{folder}/empty"}, "RAY_AUTH_TOKEN_PATH must name a file with the cluster's token; got"),
    ],
    ids=["none", "wrong", "empty", "no file", "folder", "empty file"],
)
def test_a_user_without_the_token_is_told_at_once(
    clusters: dict[str, RayCluster],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    message: str,
) -> None:
    (tmp_path / "empty").write_text("")
    for name in (MODE, TOKEN, TOKEN_PATH):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(folder=tmp_path))
    with pytest.raises(StudyError, match=re.escape(message)), cluster_session(clusters["token"].address, 1):
        pass
    assert not (tmp_path / ".ray").exists()


def test_the_slurm_script_makes_a_token_for_each_job_and_a_folder_of_its_own() -> None:
    settings = SlurmSettings(nodes=Nodes(n_nodes=2, cpus=4), time="1:00:00")
    script = slurm_script(RUN, settings, made_by=["modstudy"])
    lines = script.splitlines()
    made = next(i for i, line in enumerate(lines) if line.startswith("RAY_AUTH_TOKEN=$("))
    assert lines[made + 1] == "export RAY_AUTH_MODE=token RAY_AUTH_TOKEN"
    assert made < next(i for i, line in enumerate(lines) if "ray start" in line)
    # Ray lets all users write to its folder, so it lies in one that they cannot enter.
    assert 'mkdir -m 700 "$0" && exec ray start --temp-dir="$0/ray" "$@"' in script


def job() -> dict[str, Any]:
    text = kuberay_job(RUN, KubeRaySettings(nodes=Nodes(n_nodes=2, cpus=4), image="a/b:1"), made_by=["modstudy"])
    return list(yaml.safe_load_all(text))[-1]["spec"]["rayClusterSpec"]  # type: ignore[no-any-return]


def test_the_ray_job_lets_the_operator_make_a_token() -> None:
    assert job()["authOptions"] == {"mode": "token"}
    assert tuple(map(int, job()["rayVersion"].split("."))) >= (2, 52, 0)


@pytest.mark.parametrize("provider", [AwsProvider(), GcpProvider(project="p")], ids=["aws", "gcp"])
@pytest.mark.parametrize("image", [None, "a/b:1"])
def test_the_cluster_file_brings_the_users_token_to_all_nodes(provider: Provider, image: str | None) -> None:
    setup = () if image else ("pip install modstudy",)
    settings = RayYamlSettings(provider=provider, nodes=Nodes(n_nodes=2, cpus=4), image=image, setup=setup)
    text = ray_cluster_file(RUN, settings, made_by=["modstudy"])
    cluster = yaml.safe_load(text)
    assert list(cluster["file_mounts"].values()) == ["~/.ray/auth_token"]
    (place,) = cluster["file_mounts"]
    for starts in (cluster["head_start_ray_commands"], cluster["worker_start_ray_commands"]):
        words = shlex.split(starts[-1])
        assert words.index("RAY_AUTH_MODE=token;") < words.index("start")
        assert f"RAY_AUTH_TOKEN_PATH={place};" in words
    exported = "\n".join(cluster["setup_commands"])
    assert "export RAY_AUTH_MODE=token" in exported
    assert f"export RAY_AUTH_TOKEN_PATH={place}" in exported
    assert f"chmod 600 {place}" in exported
    assert "ray get-auth-token --generate" in text.partition("cluster_name")[0]
