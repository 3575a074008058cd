"""The Slurm script on two real Ray nodes, under stand-ins for Slurm's commands that start processes here."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from study.cluster_files.settings import Nodes, StudyRun
from study.cluster_files.slurm import DRIVER_STOP_S, SlurmSettings, slurm_script
from tests.support.fake_slurm import FakeSlurm, install_fake_slurm
from tests.support.processes import session_of, wait_until

pytestmark = pytest.mark.slow

DRIVER = """\
#!{python}
import json, os, signal, sys, time
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

arguments = sys.argv[1:]
ray.init(address=arguments[arguments.index("--address") + 1], log_to_driver=False)


@ray.remote(num_cpus=1)
def here():
    return ray.util.get_node_ip_address()


places = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in ray.nodes() if node["Alive"]]
addresses = ray.get([here.options(scheduling_strategy=place).remote() for place in places])
seen = {{
    "arguments": arguments,
    "addresses": sorted(addresses),
    "cpus": ray.cluster_resources()["CPU"],
    "telemetry": [os.environ["RAY_USAGE_STATS_ENABLED"], os.environ["MLFLOW_DISABLE_TELEMETRY"]],
    "authentication": os.environ["RAY_AUTH_MODE"],
}}


def stop(number, frame):
    Path("{folder}/stopped").write_text(signal.Signals(number).name)
    sys.exit(130)


signal.signal(signal.SIGTERM, signal.SIG_IGN if os.environ["DRIVER_CODE"] == "stubborn" else stop)
Path("{folder}/seen.tmp").write_text(json.dumps(seen))
os.rename("{folder}/seen.tmp", "{folder}/seen.json")
if not os.environ["DRIVER_CODE"].isdigit():
    time.sleep(120)
sys.exit(int(os.environ["DRIVER_CODE"]))
"""
"""Stand-in for `modstudy launch` that connects to the cluster, runs a task on each node and writes what it saw."""


@pytest.fixture
def slurm(tmp_path: Path) -> Iterator[FakeSlurm]:
    """Slurm's stand-ins, with a driver that reports; whatever its jobs left is ended after the test."""
    slurm = install_fake_slurm(tmp_path, job_id=10_000_000 + os.getpid())
    slurm.add_command("modstudy", DRIVER.format(python=sys.executable, folder=tmp_path))
    yield slurm
    for process in slurm.processes():
        os.kill(process, signal.SIGKILL)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    run = StudyRun(study="my study.toml", name="it's mine", root=str(tmp_path / "the runs"), seeds=3)
    settings = SlurmSettings(nodes=Nodes(n_nodes=2, cpus=1))
    path = tmp_path / "job.sh"
    path.write_text(slurm_script(run, settings, made_by=["modstudy", "cluster", "slurm"]), encoding="utf-8")
    return path


def wait_for_driver(job: subprocess.Popen[bytes], slurm: FakeSlurm) -> None:
    """Return when the driver has written what it saw; fail when the job ends without it."""
    seen = slurm.folder / "seen.json"
    wait_until(lambda: seen.exists() or job.poll() is not None, "the driver", patience_s=120)
    assert seen.exists(), slurm.log("job")


def folders_of(slurm: FakeSlurm) -> list[Path]:
    """Ray's folders of the jobs that still exist."""
    return list(Path("/tmp").glob(f"ray-{slurm.job_id}*"))


def test_the_driver_gets_a_cluster_of_all_nodes_and_its_code_is_that_of_the_job(
    slurm: FakeSlurm, script: Path, tmp_path: Path
) -> None:
    job = slurm.submit(script, DRIVER_CODE="1")
    assert job.wait(timeout=120) == 1, slurm.log("job")
    seen = json.loads((tmp_path / "seen.json").read_text())
    port = 20_000 + slurm.job_id % 6_000 * 2
    assert seen == {
        "arguments": [
            *("launch", "my study.toml", "--name", "it's mine", "--root", str(tmp_path / "the runs")),
            *("--seeds", "3", "--address", f"127.0.0.2:{port}"),
        ],
        "addresses": ["127.0.0.2", "127.0.0.3"],
        "cpus": 2.0,
        "telemetry": ["0", "true"],
        "authentication": "token",
    }
    assert slurm.log("scontrol") == ["show hostnames node[1-2]"]
    assert session_of(job.pid) == []
    assert slurm.processes() == []
    assert folders_of(slurm) == []


def test_at_the_end_of_its_time_it_stops_the_driver_and_is_requeued_and_launches_again(
    slurm: FakeSlurm, script: Path, tmp_path: Path
) -> None:
    seen = tmp_path / "seen.json"
    job = slurm.submit(script, DRIVER_CODE="wait")
    wait_for_driver(job, slurm)
    job.send_signal(signal.SIGUSR1)
    assert job.wait(timeout=60) == 130, slurm.log("job")
    assert (tmp_path / "stopped").read_text() == "SIGTERM"
    assert slurm.log("scontrol")[-1] == f"requeue {slurm.job_id}"
    assert session_of(job.pid) == []
    assert slurm.processes() == []
    assert folders_of(slurm) == []

    first = json.loads(seen.read_text())
    seen.unlink()
    again = slurm.submit(script, restart=1, DRIVER_CODE="0")
    assert again.wait(timeout=120) == 0, slurm.log("job")
    assert json.loads(seen.read_text()) == first
    assert [line for line in slurm.log("scontrol") if line.startswith("requeue")] == [f"requeue {slurm.job_id}"]
    assert slurm.processes() == []


def test_a_cancelled_job_stops_the_driver_and_is_not_requeued(slurm: FakeSlurm, script: Path, tmp_path: Path) -> None:
    job = slurm.submit(script, DRIVER_CODE="wait")
    wait_for_driver(job, slurm)
    job.send_signal(signal.SIGTERM)
    assert job.wait(timeout=60) == 130, slurm.log("job")
    assert (tmp_path / "stopped").read_text() == "SIGTERM"
    assert slurm.log("scontrol") == ["show hostnames node[1-2]"]
    assert slurm.processes() == []


def test_a_signal_before_the_driver_has_begun_ends_the_job_and_requeues_it(
    slurm: FakeSlurm, script: Path, tmp_path: Path
) -> None:
    job = slurm.submit(script, DRIVER_CODE="0")
    wait_until(lambda: any("ray start" in line for line in slurm.log("srun")), "Ray", patience_s=60)
    job.send_signal(signal.SIGUSR1)
    assert job.wait(timeout=60) == 130, slurm.log("job")
    assert not (tmp_path / "seen.json").exists()
    assert slurm.log("scontrol")[-1] == f"requeue {slurm.job_id}"
    assert slurm.processes() == []
    assert folders_of(slurm) == []


def test_a_driver_that_does_not_stop_is_killed_and_the_job_is_requeued(slurm: FakeSlurm, script: Path) -> None:
    text = script.read_text()
    assert text.count(f"end_within {DRIVER_STOP_S} ") == 1
    script.write_text(text.replace(f"end_within {DRIVER_STOP_S} ", "end_within 2 "))
    job = slurm.submit(script, DRIVER_CODE="stubborn")
    wait_for_driver(job, slurm)
    job.send_signal(signal.SIGUSR1)
    assert job.wait(timeout=90) == 128 + signal.SIGKILL, slurm.log("job")
    assert slurm.log("scontrol")[-1] == f"requeue {slurm.job_id}"
    assert slurm.processes() == []
    assert folders_of(slurm) == []


def test_a_job_that_was_requeued_often_enough_is_not_requeued_again(slurm: FakeSlurm, script: Path) -> None:
    job = slurm.submit(script, restart=20, DRIVER_CODE="wait")
    wait_for_driver(job, slurm)
    job.send_signal(signal.SIGUSR1)
    assert job.wait(timeout=60) == 130
    assert slurm.log("scontrol") == ["show hostnames node[1-2]"]
    assert slurm.log("job")[-1] == "requeued 20 times already; submit it again to resume"


def test_a_job_whose_ray_does_not_start_fails_without_a_driver(slurm: FakeSlurm, script: Path, tmp_path: Path) -> None:
    slurm.add_command("ray", "#!/bin/bash\necho 'no Ray here' >&2\nexit 3\n")
    job = slurm.submit(script, DRIVER_CODE="0")
    assert job.wait(timeout=60) not in (0, None)
    assert "Ray has ended on a node before all nodes had joined" in slurm.log("job")
    assert not (tmp_path / "seen.json").exists()
    assert slurm.processes() == []
