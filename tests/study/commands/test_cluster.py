"""`modstudy cluster`: files for clusters, written only for a study that exists and options that make sense."""

import shlex
from pathlib import Path

import pytest
import yaml

from study.commands.options import BAD_INPUT, OK
from tests.support.command_line import Command, flat

STUDY = """\
question = "Does it run?"
[[arms]]
name = "constant"
config = { parameterization = { kind = "constant" } }
"""
KUBERAY = ("cluster", "kuberay", "quickstart", "--image", "a/b:1")
RAY_YAML = ("cluster", "ray-yaml", "quickstart", "--image", "a/b:1", "--root", "s3://bucket/runs")


@pytest.mark.parametrize(
    ("arguments", "submit"),
    [
        (("cluster", "slurm", "quickstart"), "sbatch FILE"),
        ((*KUBERAY, "--claim", "studies"), "kubectl apply -f FILE"),
        (RAY_YAML, "ray exec --start --stop --tmux FILE"),
    ],
)
def test_it_prints_a_file_that_says_how_it_was_made_and_how_to_submit_it(
    modstudy: Command, arguments: tuple[str, ...], submit: str
) -> None:
    result = modstudy(*arguments, "--nodes", 4, "--set", "trainer.max_steps=5", "--set", "optimizer.lr=0.1")
    assert result.exit_code == OK, result.output
    comments = [line for line in result.output.splitlines() if line.startswith("# ")]
    (made_by,) = (line.removeprefix("# Made by: ") for line in comments if line.startswith("# Made by: "))
    words = shlex.split(made_by)
    assert words[:4] == ["modstudy", *arguments[:3]]
    assert words.count("--set") == 2
    assert {"--nodes", "4", "trainer.max_steps=5"} <= set(words)
    assert any(submit in line for line in comments)
    assert modstudy(*words[1:]).output == result.output


def test_it_writes_a_new_file_and_never_over_an_old_one(modstudy: Command, tmp_path: Path) -> None:
    printed = modstudy("cluster", "slurm", "quickstart").output
    written = modstudy("cluster", "slurm", "quickstart", "--out", "my job.sh")
    assert "Submit it: sbatch 'my job.sh'" in flat(written)
    assert (tmp_path / "my job.sh").read_text() == printed
    again = modstudy("cluster", "slurm", "quickstart", "--nodes", 2, "--out", "my job.sh")
    assert again.exit_code == BAD_INPUT
    assert "remove my job.sh first" in flat(again)
    assert (tmp_path / "my job.sh").read_text() == printed


def test_a_study_file_is_found_from_every_node(modstudy: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(STUDY)
    script = modstudy("cluster", "slurm", "mine.toml").output
    assert f"modstudy launch {tmp_path}/mine.toml --name mine --root {tmp_path}/runs --address" in script
    config_map, job = yaml.safe_load_all(
        modstudy("cluster", "kuberay", "mine.toml", "--image", "a/b:1", "--claim", "studies").output
    )
    assert config_map["data"] == {"modstudy-mine.toml": STUDY}
    assert "--root /mnt/modstudy/runs" in job["spec"]["entrypoint"]
    cluster = yaml.safe_load(
        modstudy("cluster", "ray-yaml", "mine.toml", "--image", "a/b:1", "--root", "s3://bucket/runs").output
    )
    assert f"{tmp_path}/mine.toml" in cluster["file_mounts"].values()


def test_the_provider_decides_on_the_machines(modstudy: Command) -> None:
    result = modstudy(*RAY_YAML, "--provider", "gcp", "--project", "mine", "--region", "europe-west4", "--no-spot")
    cluster = yaml.safe_load(result.output)
    assert cluster["provider"] == {
        "type": "gcp",
        "region": "europe-west4",
        "availability_zone": "europe-west4-a",
        "project_id": "mine",
    }
    assert "scheduling" not in cluster["available_node_types"]["worker"]["node_config"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cluster", "slurm", "quickstrat"), "there is no study 'quickstrat'"),
        (("cluster", "slurm", "missing.toml"), "missing.toml"),
        (("cluster", "slurm", "bad.toml"), "bad.toml"),
        (("cluster", "slurm", "quickstart", "--set", "steps"), "a setting is PATH=VALUE"),
        (("cluster", "slurm", "quickstart", "--time", "soon"), "--time must be minutes"),
        (("cluster", "slurm", "quickstart", "--name", "a/b"), "the name of a study has"),
        (("cluster", "slurm", "quickstart", "--nodes", "0"), "--nodes"),
        (("cluster", "slurm", "quickstart", "--out", "no/such/folder"), "--out must be a file that can be written"),
        (KUBERAY, "pods share no folder"),
        ((*RAY_YAML[:-1], "runs"), "machines of a cloud share no folder"),
        ((*RAY_YAML, "--provider", "gcp"), "--provider gcp needs --project"),
        ((*RAY_YAML, "--project", "mine"), "--project and --zone are options of --provider gcp"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(
    modstudy: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "bad.toml").write_text(STUDY + "colour = 1\n")
    out = () if "--out" in arguments else ("--out", "new")
    result = modstudy(*arguments, *out)
    assert result.exit_code == BAD_INPUT
    assert message in flat(result)
    assert not (tmp_path / "new").exists()
