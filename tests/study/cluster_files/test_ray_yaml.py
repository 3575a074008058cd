"""The cluster file, read by Ray's launcher up to the point where it would call the cloud.

Ray fills in its defaults (`prepare_config`) and checks the result against the schema that it ships (`validate_config`),
as `ray up` does. What a cloud accepts as a machine (`node_config`) is no part of that schema.
"""

import re
import shlex
from typing import Any

import jsonschema
import pytest
import yaml

from core.errors import ConfigError
from study.cluster_files.ray_yaml import AwsProvider, GcpProvider, Provider, RayYamlSettings, ray_cluster_file
from study.cluster_files.settings import Nodes, StudyRun

AWS = AwsProvider(identity="workers")
GCP = GcpProvider(project="my-project", identity="workers@my-project.iam.gserviceaccount.com")


def run_of(**changes: Any) -> StudyRun:
    return StudyRun(**{"study": "quickstart", "name": "quickstart", "root": "s3://bucket/studies"} | changes)


def settings_of(provider: Provider = AWS, gpus: int = 0, **changes: Any) -> RayYamlSettings:
    nodes = Nodes(n_nodes=3, cpus=4, gpus=gpus)
    return RayYamlSettings(**{"provider": provider, "nodes": nodes, "image": "registry.example/modstudy:1"} | changes)


def text_of(run: StudyRun, settings: RayYamlSettings, **options: Any) -> str:
    return ray_cluster_file(run, settings, made_by=["modstudy", "cluster", "ray-yaml"], **options)


def cluster_of(run: StudyRun, settings: RayYamlSettings, **options: Any) -> dict[str, Any]:
    cluster: dict[str, Any] = yaml.safe_load(text_of(run, settings, **options))
    return cluster


def check(cluster: dict[str, Any]) -> dict[str, Any]:
    """The cluster as `ray up` completes and checks it."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    completed: dict[str, Any] = prepare_config(cluster)
    validate_config(completed)
    return completed


@pytest.mark.parametrize("provider", [AWS, GCP, AwsProvider(), GcpProvider(project="p")])
@pytest.mark.parametrize("spot", [True, False])
@pytest.mark.parametrize("gpus", [0, 1])
@pytest.mark.parametrize("installed", [{"image": "a/b:1"}, {"image": None, "setup": ('pip install "modstudy @ x"',)}])
@pytest.mark.parametrize("study_path", [None, "/home/me/my study.toml"])
def test_ray_accepts_every_combination_of_options(
    provider: Provider, spot: bool, gpus: int, installed: dict[str, Any], study_path: str | None
) -> None:
    settings = settings_of(provider, gpus=gpus, spot=spot, min_nodes=1, **installed)
    completed = check(cluster_of(run_of(), settings, study_path=study_path))
    types = completed["available_node_types"]
    assert set(types) == {"head", "worker"}
    assert completed["head_node_type"] == "head"
    assert (types["worker"]["min_workers"], types["worker"]["max_workers"], completed["max_workers"]) == (1, 3, 3)
    assert types["head"]["max_workers"] == 0
    assert types["worker"]["resources"] == {"CPU": 4} | ({"GPU": 1} if gpus else {})


@pytest.mark.parametrize("path", [(), ("provider", "gcp_credentials"), ("available_node_types", "worker")])
def test_the_check_finds_an_unknown_field(path: tuple[str, ...]) -> None:
    place = cluster = cluster_of(run_of(), settings_of())
    for key in path:
        place = place.setdefault(key, {})
    place["misspelt"] = 1
    with pytest.raises(jsonschema.ValidationError):
        check(cluster)


def test_only_workers_are_spot_machines() -> None:
    aws, gcp = (cluster_of(run_of(), settings_of(provider))["available_node_types"] for provider in (AWS, GCP))
    assert aws["worker"]["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert "InstanceMarketOptions" not in aws["head"]["node_config"]
    assert gcp["worker"]["node_config"]["scheduling"]["provisioningModel"] == "SPOT"
    assert "scheduling" not in gcp["head"]["node_config"]
    on_demand = cluster_of(run_of(), settings_of(AWS, spot=False))["available_node_types"]
    assert "InstanceMarketOptions" not in on_demand["worker"]["node_config"]


def test_workers_get_the_identity_with_which_they_write_to_the_root() -> None:
    aws, gcp = (cluster_of(run_of(), settings_of(provider))["available_node_types"] for provider in (AWS, GCP))
    assert aws["worker"]["node_config"]["IamInstanceProfile"] == {"Name": "workers"}
    assert gcp["worker"]["node_config"]["serviceAccounts"][0]["email"] == GCP.identity


def test_the_command_at_the_top_is_the_one_that_was_meant() -> None:
    value = 'data.folder=it\'s "a" $HOME `x`'
    run = run_of(name="my study", assignments=(value,))
    text = text_of(run, settings_of(), file="my cluster.yaml", study_path="/home/me/study.toml")
    (line,) = re.findall(r"^#   (ray exec .*)$", text, re.MULTILINE)
    words = shlex.split(line)
    assert words[:-1] == ["ray", "exec", "--start", "--stop", "--tmux", "my cluster.yaml"]
    on_head = shlex.split(words[-1])
    assert on_head == [
        *("modstudy", "launch", "/tmp/modstudy-study/modstudy-my-study.toml", "--name", "my study"),
        *("--root", "s3://bucket/studies", "--set", value, "--address", "auto", "--wait-for-nodes", "1800"),
    ]
    assert yaml.safe_load(text)["file_mounts"][on_head[2]] == "/home/me/study.toml"


def test_no_process_reports_usage() -> None:
    cluster = cluster_of(run_of(), settings_of())
    for variable in ("RAY_USAGE_STATS_ENABLED=0", "MLFLOW_DISABLE_TELEMETRY=true"):
        assert any(variable in command for command in cluster["setup_commands"])
        for start in (cluster["head_start_ray_commands"][-1], cluster["worker_start_ray_commands"][-1]):
            assert start.index(f"export {variable}; ") < start.index("ray start")


@pytest.mark.parametrize(
    ("run", "settings", "message"),
    [
        ({"root": "runs"}, {}, "machines of a cloud share no folder"),
        ({}, {"image": None}, "new machines have no modstudy"),
        ({}, {"min_nodes": 4}, "--min-nodes must lie between 0 and --nodes=3; got 4"),
        ({}, {"image": "two words"}, "--image must be"),
        ({}, {"setup": ("one\ntwo",)}, "must have no line breaks"),
        ({}, {"provider": AwsProvider(region="us west")}, "--region must be"),
        ({}, {"provider": AwsProvider(identity="two words")}, "--worker-identity must be"),
        ({}, {"provider": GcpProvider(project="My Project")}, "--project must be"),
        ({}, {"provider": GcpProvider(project="p", region="europe-west4")}, "--zone must lie in --region europe-west4"),
    ],
)
def test_bad_options_are_refused(run: dict[str, Any], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        text_of(run_of(**run), settings_of(**settings))
