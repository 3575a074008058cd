"""The RayJob, read by a YAML parser and checked against what KubeRay and Kubernetes accept.

The pod templates and the ConfigMap are checked against Kubernetes' own schemas, field by field and strictly. The RayJob
around them is checked against a schema stated by hand, because none can be installed: `tests.support.ray_job_rules`.
"""

import copy
import shlex
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from core.errors import ConfigError
from study.cluster_files.kuberay import KubeRaySettings, kuberay_job
from study.cluster_files.settings import Nodes, StudyRun
from tests.support.ray_job_rules import KUBERNETES_VERSION, check_ray_job

AWKWARD = 'it\'s "a" $HOME `x` é: #1'
"""A value that a shell or YAML would read in its own way."""


def run_of(**changes: Any) -> StudyRun:
    return StudyRun(**{"study": "quickstart", "name": "quickstart", "root": "s3://bucket/studies"} | changes)


def settings_of(n_nodes: int = 2, gpus: int = 0, **changes: Any) -> KubeRaySettings:
    options: dict[str, Any] = {"image": "registry.example/modstudy:1"} | changes
    return KubeRaySettings(nodes=Nodes(n_nodes=n_nodes, cpus=4, gpus=gpus), **options)


def documents(run: StudyRun, settings: KubeRaySettings, **options: Any) -> list[dict[str, Any]]:
    text = kuberay_job(run, settings, made_by=["modstudy", "cluster", "kuberay"], **options)
    return list(yaml.safe_load_all(text))


def job_of(run: StudyRun, settings: KubeRaySettings, **options: Any) -> dict[str, Any]:
    return documents(run, settings, **options)[-1]


def pods(job: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Pod specs of the head and of the workers."""
    cluster = job["spec"]["rayClusterSpec"]
    return cluster["headGroupSpec"]["template"]["spec"], cluster["workerGroupSpecs"][0]["template"]["spec"]


@pytest.mark.parametrize("gpus", [0, 2])
@pytest.mark.parametrize("min_nodes", [None, 0, 2])
@pytest.mark.parametrize("claim", [None, "studies"])
@pytest.mark.parametrize("spot", [None, "cloud.google.com/gke-spot=true"])
@pytest.mark.parametrize("study_text", [None, 'question = "q"\n'])
def test_every_combination_of_options_is_a_valid_ray_job(
    gpus: int, min_nodes: int | None, claim: str | None, spot: str | None, study_text: str | None
) -> None:
    settings = settings_of(gpus=gpus, min_nodes=min_nodes, claim=claim, spot=spot, secret="keys", namespace="lab")
    *config_maps, job = documents(run_of(), settings, study_text=study_text)
    check_ray_job(job)
    assert len(config_maps) == (study_text is not None)
    for config_map in config_maps:
        kubernetes_validate.validate(config_map, KUBERNETES_VERSION, strict=True)


def test_the_check_finds_a_misspelt_field_at_every_level() -> None:
    job = job_of(run_of(), settings_of())
    for error, path in (
        (jsonschema.ValidationError, ["spec"]),
        (jsonschema.ValidationError, ["spec", "rayClusterSpec", "headGroupSpec"]),
        (kubernetes_validate.ValidationError, ["spec", "rayClusterSpec", "headGroupSpec", "template", "spec"]),
    ):
        changed = copy.deepcopy(job)
        place = changed
        for key in path:
            place = place[key]
        place["misspelt"] = 1
        with pytest.raises(error):
            check_ray_job(changed)


def test_the_shell_on_the_head_reads_the_command_that_was_meant() -> None:
    run = run_of(name="my study", seeds=4, assignments=(f"data.folder={AWKWARD}",), tracking_uri="http://mlflow:5000")
    job = job_of(run, settings_of())
    assert shlex.split(job["spec"]["entrypoint"]) == [
        *("modstudy", "launch", "quickstart", "--name", "my study", "--root", "s3://bucket/studies"),
        *("--tracking-uri", "http://mlflow:5000", "--seeds", "4", "--set", f"data.folder={AWKWARD}"),
        *("--address", "auto", "--wait-for-nodes", "1800"),
    ]
    assert job["spec"]["submissionMode"] == "HTTPMode"
    assert job["metadata"]["name"] == "modstudy-my-study"


def test_a_study_file_reaches_the_head_unchanged() -> None:
    text = f'question = "{AWKWARD}"\n# ö\n[config]\n\ttrainer.max_steps = 5\n'
    config_map, job = documents(run_of(study="/home/me/study.toml"), settings_of(), study_text=text)
    head, worker = pods(job)
    assert list(config_map["data"].values()) == [text]
    (file,) = config_map["data"]
    assert shlex.split(job["spec"]["entrypoint"])[2] == f"/etc/modstudy/{file}"
    assert head["volumes"] == [{"name": "study-file", "configMap": {"name": config_map["metadata"]["name"]}}]
    assert head["containers"][0]["volumeMounts"][0]["mountPath"] == "/etc/modstudy"
    assert "volumes" not in worker


def test_head_and_workers_share_the_claim_of_the_root() -> None:
    job = job_of(run_of(root="/data/runs"), settings_of(claim="studies", mount="/data"))
    for pod in pods(job):
        assert pod["volumes"] == [{"name": "studies", "persistentVolumeClaim": {"claimName": "studies"}}]
        assert pod["containers"][0]["volumeMounts"] == [{"name": "studies", "mountPath": "/data"}]


def test_no_node_reports_usage_and_no_trial_runs_on_the_head() -> None:
    job = job_of(run_of(), settings_of(gpus=1))
    head, worker = pods(job)
    for pod in (head, worker):
        variables = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
        assert variables == {"RAY_USAGE_STATS_ENABLED": "0", "MLFLOW_DISABLE_TELEMETRY": "true"}
    assert job["spec"]["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    expected = {"cpu": 4, "memory": "8Gi", "nvidia.com/gpu": 1}
    assert worker["containers"][0]["resources"] == {"requests": expected, "limits": expected}
    assert "nvidia.com/gpu" not in head["containers"][0]["resources"]["limits"]


def test_only_workers_go_to_spot_nodes() -> None:
    head, worker = pods(job_of(run_of(), settings_of(spot="eks.amazonaws.com/capacityType=SPOT")))
    assert worker["nodeSelector"] == {"eks.amazonaws.com/capacityType": "SPOT"}
    assert worker["tolerations"] == [
        {"key": "eks.amazonaws.com/capacityType", "operator": "Equal", "value": "SPOT", "effect": "NoSchedule"}
    ]
    assert not {"nodeSelector", "tolerations"} & set(head)


def test_it_scales_only_between_different_numbers_of_workers() -> None:
    fixed = job_of(run_of(), settings_of(n_nodes=3))["spec"]["rayClusterSpec"]
    scaled = job_of(run_of(), settings_of(n_nodes=3, min_nodes=0))["spec"]["rayClusterSpec"]
    numbers = ("replicas", "minReplicas", "maxReplicas")
    assert [fixed["workerGroupSpecs"][0][key] for key in numbers] == [3, 3, 3]
    assert "enableInTreeAutoscaling" not in fixed
    assert [scaled["workerGroupSpecs"][0][key] for key in numbers] == [0, 0, 3]
    assert scaled["enableInTreeAutoscaling"] is True


@pytest.mark.parametrize(
    ("run", "settings", "message"),
    [
        ({"root": "/mnt/modstudy/runs"}, {}, "pods share no folder: give --claim"),
        ({"root": "/elsewhere"}, {"claim": "studies"}, "--root must lie in /mnt/modstudy"),
        ({}, {"min_nodes": 3}, "--min-nodes must lie between 0 and --nodes=2; got 3"),
        ({}, {"image": "two words"}, "--image must be"),
        ({}, {"claim": "Studies"}, "--claim must be"),
        ({}, {"spot": "spot"}, "--spot must be KEY=VALUE"),
        ({}, {"mount": "data"}, "--mount must be an absolute path"),
        ({}, {"retries": -1}, "--retries must not be negative"),
        ({"assignments": ("steps",)}, {}, "a setting is PATH=VALUE"),
        ({"name": "a\nb"}, {}, "must have no line breaks"),
    ],
)
def test_bad_options_are_refused(run: dict[str, Any], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        job_of(run_of(**run), settings_of(**settings))


def test_a_study_file_that_no_config_map_can_hold_is_refused() -> None:
    with pytest.raises(ConfigError, match="to fit into a ConfigMap"):
        job_of(run_of(), settings_of(), study_text="#" * (2**20 + 1))
