"""Names for clusters, and the templates as a part of the wheel."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import study.cluster_files
from study.cluster_files.settings import LONGEST_NAME, StudyRun, slug


@pytest.mark.parametrize("name", ["quickstart", "My Study, v1.0_x", "x" * 100, "a" + "-b" * 60, "9 lives"])
def test_a_name_becomes_a_dns_label(name: str) -> None:
    label = StudyRun(study="s", name=name, root="/r").slug
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", label)
    assert len(label) <= LONGEST_NAME


def test_long_names_that_begin_alike_stay_apart() -> None:
    assert slug("x" * 60 + "1") != slug("x" * 60 + "2")
    assert slug("quickstart") == "quickstart"


def test_the_launch_has_only_the_options_that_were_given() -> None:
    assert StudyRun(study="s", name="n", root="/r").command() == (
        "modstudy",
        "launch",
        "s",
        "--name",
        "n",
        "--root",
        "/r",
    )
    full = StudyRun(study="s", name="n", root="/r", trials_at_once=2, cpus_per_trial=1.5, gpus_per_trial=0.5)
    options = ("--trials-at-once", "2", "--cpus-per-trial", "1.5", "--gpus-per-trial", "0.5")
    assert full.command()[7:] == options


def test_the_wheel_contains_the_templates(tmp_path: Path) -> None:
    package = Path(study.cluster_files.__file__).parent
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, check=True, cwd=package.parents[1], capture_output=True)
    (wheel,) = tmp_path.glob("modstudy-*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("study/cluster_files/templates/")}
    assert names == {f"study/cluster_files/templates/{path.name}" for path in (package / "templates").iterdir()}
    assert len(names) == 3
