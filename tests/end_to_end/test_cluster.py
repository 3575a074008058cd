"""Studies on a Ray cluster: several nodes on this machine, with separate homes, caches and working folders."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from core.storage.records import TrialRecord
from core.storage.store import Store
from tests.support.command_process import PATIENCE_S, command
from tests.support.processes import command_line_of, session_of, wait_until
from tests.support.ray_cluster import ClusterNode, RayCluster, ray_cluster
from tests.support.s3_server import new_bucket, s3_options
from tests.support.sounds import write_named_notes
from tests.support.trained_study import CONSTANT, FRAME, SYNTHETIC, study_text

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

ARMS = (FRAME, CONSTANT)
KERNELS = {"NUMBA_CACHE_DIR": os.environ["NUMBA_CACHE_DIR"]}
"""Compiled kernels are shared by the nodes, as if a node had compiled them before: compiling takes long."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """A cluster with three nodes of one CPU each, one of them with two logical GPUs."""
    with ray_cluster() as nodes:
        nodes.start("head", environment=KERNELS)
        nodes.start("gpus", gpus=2, environment=KERNELS)
        nodes.start("third", environment=KERNELS)
        yield nodes


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(study_text(*ARMS))
    return tmp_path / "tiny.toml"


def modstudy(folder: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run a command in a folder; its output on both streams is `stdout`, on one line."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
    )
    done.stdout = " ".join(done.stdout.split())
    return done


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path.cwd())}


def environment_on(node: ClusterNode) -> dict[str, str]:
    """Environment of a command that is started on a node: home, cache and host name are those of the node."""
    place = node.home / "host-name"
    place.mkdir()
    (place / "sitecustomize.py").write_text(f"import socket\n\nsocket.gethostname = lambda: {node.name!r}\n")
    return environment() | {
        "PYTHONPATH": f"{place}{os.pathsep}{Path.cwd()}",
        "HOME": str(node.home),
        "XDG_CACHE_HOME": str(node.home / "cache"),
    }


@contextmanager
def driver(
    folder: Path, *arguments: object, variables: dict[str, str] | None = None
) -> "Iterator[subprocess.Popen[bytes]]":
    """A command that runs in a folder until the block ends; its output is in `output.txt`."""
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            command(*arguments),
            cwd=folder,
            env=variables or environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        for pid in session_of(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait()


def records(root: Path | str, name: str = "tiny") -> list[TrialRecord]:
    return list(Store(root).below(name).ledger())


def trains(node: ClusterNode) -> bool:
    """Whether a trial runs on a node."""
    return any(b"ImplicitFunc" in command_line_of(pid) for pid in session_of(node.process.pid))


def test_a_study_goes_on_with_another_cluster_after_its_head_died(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first test, before the cluster of the others starts."""
    study.write_text(study_text(*ARMS, max_steps=150))
    root = tmp_path / "runs"
    with ray_cluster() as first:
        for name in ("head", "second"):
            first.start(name, environment=KERNELS)
        monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "5")
        with driver(tmp_path, "launch", study, "--root", root, "--address", first.address) as process:
            wait_until(lambda: list(root.glob("tiny/trials/*/*/checkpoint-*")), "a checkpoint", patience_s=120)
            first.nodes[0].stop()
            assert process.wait(timeout=120) == 1
    output = " ".join((tmp_path / "output.txt").read_text().split())
    assert "error: Ray has ended: its " in output
    assert "which are safe. Resume with: modstudy resume tiny" in output
    begun = {path.parent.parent.name for path in root.glob("tiny/trials/*/*/checkpoint-*")}
    assert begun
    with ray_cluster() as second:
        second.start("head", cpus=2, environment=KERNELS)
        done = modstudy(tmp_path, "resume", "tiny", "--root", root, "--address", second.address)
    assert done.returncode == 0, done.stdout
    found = records(root)
    assert [record.outcome for record in found] == 4 * ["finished"]
    for record in found:
        if record.digest in begun:
            assert record.attempt > "0002", "it is the second attempt"
            assert record.steps == 150


def test_a_study_in_an_s3_root_runs_with_code_that_ray_brings(cluster: RayCluster, study: Path, tmp_path: Path) -> None:
    root = f"{new_bucket()}/runs{s3_options()}"
    done = modstudy(tmp_path, "launch", study, "--root", root, "--address", cluster.address)
    assert done.returncode == 0, done.stdout
    assert "4 trials to run; 3 at once, each with 1 CPU" in done.stdout
    assert [record.outcome for record in records(root)] == 4 * ["finished"]
    for node in cluster.nodes:
        caches = list((node.home / "cache" / "modstudy" / "data").glob("*/index.json"))
        assert len(caches) == 1, f"data are prepared on {node.name}"
    status = modstudy(tmp_path, "status", "tiny", "--root", root)
    assert "4 finished" in status.stdout
    again = modstudy(tmp_path, "resume", "tiny", "--root", root, "--address", cluster.address)
    assert "All 4 trials of tiny are done" in again.stdout


def test_arms_share_logical_gpus(cluster: RayCluster, study: Path, tmp_path: Path) -> None:
    study.write_text(study_text(*ARMS, '\n[[resources]]\narms = ["fr*"]\ngpus = 2\nmemory_gib = 0.1\n'))
    root = tmp_path / "runs"
    done = modstudy(tmp_path, "launch", study, "--root", root, "--address", cluster.address, "--gpus-per-trial", 0.5)
    assert done.returncode == 0, done.stdout
    assert "each with 1 CPU and 2 GPUs and 0.1 GiB or 1 CPU and 0.5 GPUs" in done.stdout
    assert [record.outcome for record in records(root)] == 4 * ["finished"]
    # All need GPUs, which one node has, so that one trial follows another.
    times = sorted((record.started_at, record.finished_at) for record in records(root))
    assert all(after[0] >= before[1] for before, after in pairwise(times))


def test_what_does_not_fit_on_a_node_is_refused_at_once_or_after_waiting(
    cluster: RayCluster, study: Path, tmp_path: Path
) -> None:
    place = ["--root", tmp_path / "runs", "--address", cluster.address]
    done = modstudy(tmp_path, "launch", study, *place, "--cpus-per-trial", 2)
    assert done.returncode == 2
    assert "a trial must fit on one machine: the trials take 2 CPUs, and there is no room on node gpus" in done.stdout
    assert "give --wait-for-nodes SECONDS" in done.stdout
    done = modstudy(tmp_path, "launch", study, *place, "--trials-at-once", 4, "--wait-for-nodes", 2)
    assert done.returncode == 2
    assert "waiting up to 2 s for nodes: --trials-at-once 4 does not fit: 3 trials of 1 CPU fit" in done.stdout
    assert "waited 2 s" in done.stdout
    assert not (tmp_path / "runs").exists()


def test_a_root_that_a_node_does_not_share_is_refused(cluster: RayCluster, study: Path, tmp_path: Path) -> None:
    """`/proc/self/cwd` is another folder in each process."""
    root = "/proc/self/cwd/runs"
    done = modstudy(tmp_path, "launch", study, "--root", root, "--address", cluster.address)
    assert done.returncode == 2
    assert "node gpus" in done.stdout
    assert "does not share the root /proc/self/cwd/runs: it cannot read what the driver wrote there" in done.stdout
    assert "give a --root that all nodes see" in done.stdout
    assert not list((tmp_path / "runs").iterdir()), "nothing is left"


def test_a_data_folder_that_nodes_lack_is_copied_to_them(cluster: RayCluster, study: Path, tmp_path: Path) -> None:
    write_named_notes(tmp_path / "sounds", range(48, 60))
    folder = 'data = { kind = "audio_folder", folder = "/proc/self/cwd/sounds" }\nsynth.oscillator.kind = "learnable"'
    study.write_text(study_text(*ARMS, seeds=[0]).replace(SYNTHETIC, folder))
    done = modstudy(tmp_path, "launch", study, "--root", tmp_path / "runs", "--address", cluster.address)
    assert done.returncode == 0, done.stdout
    assert "copying /proc/self/cwd/sounds to 3 nodes" in done.stdout
    assert [record.outcome for record in records(tmp_path / "runs")] == 2 * ["finished"]


def test_of_two_launches_on_two_nodes_in_the_same_second_one_runs_and_the_other_says_where(
    cluster: RayCluster, study: Path
) -> None:
    root = f"{new_bucket()}/runs{s3_options()}"
    nodes = cluster.nodes[:2]
    words = ["launch", study, "--root", root, "--address", cluster.address]
    with ExitStack() as stack:
        launches = [stack.enter_context(driver(node.home, *words, variables=environment_on(node))) for node in nodes]
        codes = [launch.wait(timeout=PATIENCE_S) for launch in launches]
    outputs = [" ".join((node.home / "output.txt").read_text().split()) for node in nodes]
    assert sorted(codes) == [0, 2], outputs
    winner, other = codes.index(0), codes.index(2)
    assert "4 of 4 trials done, 0 running, 0 failed" in outputs[winner]
    where = f"error: tiny is running on {nodes[winner].name} (process {launches[winner].pid}, user "
    assert where in outputs[other]
    assert "a study has one driver at a time" in outputs[other]
    assert "Traceback" not in outputs[other]
    found = records(root)
    assert [record.outcome for record in found] == 4 * ["finished"]
    assert {record.attempt.partition("-")[0] for record in found} == {"0001"}, "each trial is trained once"
    assert len(Store(root).names("tiny/lease")) == 1


def test_a_node_that_dies_in_mid_trial_loses_none(cluster: RayCluster, study: Path, tmp_path: Path) -> None:
    """After it the cluster has two nodes."""
    study.write_text(study_text(*ARMS, seeds=range(3), max_steps=150))
    root = tmp_path / "runs"
    with driver(tmp_path, "launch", study, "--root", root, "--address", cluster.address) as process:
        wait_until(lambda: all(map(trains, cluster.nodes)), "trials on all nodes", patience_s=120)
        wait_until(lambda: list(root.glob("tiny/trials/*/*/checkpoint-*")), "a checkpoint", patience_s=60)
        cluster.nodes[-1].kill_raylet()
        assert process.wait(timeout=PATIENCE_S) == 0, (tmp_path / "output.txt").read_text()
    found = records(root)
    assert [record.outcome for record in found] == 6 * ["finished"]
    assert {record.steps for record in found if record.arm == "frame"} == {150}


def test_a_node_with_another_version_of_a_package_is_refused(cluster: RayCluster, study: Path, tmp_path: Path) -> None:
    """The last test with this cluster, which has such a node from then on."""
    info = tmp_path / "packages" / "torchlpc-0.0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torchlpc\nVersion: 0.0.1\n")
    cluster.start("old", environment={"PYTHONPATH": str(info.parent)})
    done = modstudy(tmp_path, "launch", study, "--root", tmp_path / "runs", "--address", cluster.address)
    assert done.returncode == 2
    assert re.search(
        r"node old on \S+ has other packages than this machine: torchlpc is 0\.0\.1, here \S+; install", done.stdout
    )
    assert not (tmp_path / "runs").exists()
