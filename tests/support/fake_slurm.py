"""Stand-ins for Slurm's commands that start real processes on this machine, and look at what they were asked to do.

Each node is an address of the loopback interface in a network namespace of the job's own, so that nothing listens on
an address that another machine, or another process of this one, could reach.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

_SBATCH = """\
#!{python}
import os, re, sys

script = sys.argv[-1]
nodes = int(re.search(r"^#SBATCH --nodes=(\\d+)$", open(script).read(), re.MULTILINE).group(1))
os.environ |= {{"SLURM_JOB_NUM_NODES": str(nodes), "SLURM_JOB_NODELIST": f"node[1-{{nodes}}]"}}
os.execvp("unshare", ["unshare", "--map-root-user", "--net", sys.executable, "{folder}/with_loopback", "bash", script])
"""
_WITH_LOOPBACK = """\
import fcntl, os, socket, struct, sys

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
os.execvp(sys.argv[1], sys.argv[1:])
"""
# Every node has a /tmp of its own, hence the other name of the folder.
_SRUN = """\
#!/bin/bash
echo "$*" >> "{folder}/srun.log"
nodes=()
while [[ $1 == --* ]]; do
    [[ $1 == --nodelist=* ]] && nodes=("${{1#*=}}")
    shift
done
((${{#nodes[@]}})) || for ((n = 1; n <= SLURM_JOB_NUM_NODES; n++)); do nodes+=("node$n"); done
tasks=()
ended=
trap 'ended=yes; kill -TERM "${{tasks[@]}}" 2>/dev/null' TERM
for node in "${{nodes[@]}}"; do
    [[ -z $ended ]] || break
    SLURMD_NODENAME=$node "${{@//\\/tmp\\/ray-$SLURM_JOB_ID//tmp/ray-$SLURM_JOB_ID-$node}}" &
    tasks+=($!)
done
# The signal may have come between a task's start and its entry.
[[ -z $ended ]] || kill -TERM "${{tasks[@]}}" 2>/dev/null
code=0
for task in "${{tasks[@]}}"; do
    while :; do
        wait "$task"
        code=$?
        kill -0 "$task" 2>/dev/null || break
    done
done
exit "$code"
"""
_SCONTROL = """\
#!/bin/bash
echo "$*" >> "{folder}/scontrol.log"
[[ $1 == show ]] && for ((n = 1; n <= SLURM_JOB_NUM_NODES; n++)); do echo "node$n"; done
exit 0
"""
_HOSTNAME = """\
#!/bin/bash
[[ $1 == -I ]] && echo "127.0.0.$((1 + ${{SLURMD_NODENAME#node}})) "
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeSlurm:
    """Stand-ins in a folder, first on the PATH of the jobs that they run."""

    folder: Path
    job_id: int

    def add_command(self, name: str, text: str) -> None:
        """Put a further executable on the path of the jobs."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def submit(self, script: Path, *, restart: int = 0, **variables: str) -> subprocess.Popen[bytes]:
        """Run a batch script; the process is its shell, which gets the signals that Slurm would send to it."""
        path = os.pathsep.join([str(self.folder), str(Path(sys.executable).parent), os.environ["PATH"]])
        job = {"PATH": path, "SLURM_JOB_ID": str(self.job_id), "SLURM_RESTART_COUNT": str(restart)}
        with (self.folder / "job.log").open("ab") as log:
            return subprocess.Popen(
                [self.folder / "sbatch", "--wait", script],
                env={**os.environ, **job, **variables},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self, command: str) -> list[str]:
        """Arguments of all calls of `srun` or `scontrol`, or the lines that the jobs printed (`job`)."""
        file = self.folder / f"{command}.log"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def processes(self) -> list[int]:
        """Processes of the jobs that still run, wherever they have moved to."""
        mark = f"SLURM_JOB_ID={self.job_id}".encode()
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found


def install_fake_slurm(folder: Path, job_id: int) -> FakeSlurm:
    """Write the stand-ins; skips the test where a process may not have a network namespace of its own."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "--map-root-user", "--net", "true"]).returncode:
        pytest.skip("needs network namespaces: unshare --map-root-user --net")
    slurm = FakeSlurm(folder=folder, job_id=job_id)
    texts = {"sbatch": _SBATCH, "with_loopback": _WITH_LOOPBACK, "srun": _SRUN, "scontrol": _SCONTROL}
    for name, text in {**texts, "hostname": _HOSTNAME}.items():
        slurm.add_command(name, text.format(python=sys.executable, folder=folder))
    return slurm
