"""What KubeRay's operator accepts as a RayJob, stated by hand for the fields that the generated files use.

No package that can be installed by pip ships the schema of the RayJob resource, so its fields, their types and which of
them are required are restated here from the Go types of the operator (ray-project/kuberay, ray-operator/apis/ray/v1:
rayjob_types.go and raycluster_types.go), and the rules beyond the schema from controllers/ray/utils/validation.go. A
field that this schema does not know is an error, so that a misspelt one is found. The pod templates, where most of the
file lies, are checked against the schemas of Kubernetes itself, which `kubernetes-validate` ships.
"""

import re
from typing import Any

import jsonschema
import kubernetes_validate

KUBERNETES_VERSION = "1.31"
_STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}
_COUNT = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
_TEMPLATE = {"type": "object", "required": ["spec"]}


def _record(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """Schema of an object with these fields and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_METADATA = _record(required=("name",), name={"type": "string"}, namespace={"type": "string"})
_AUTOSCALER = _record(idleTimeoutSeconds=_COUNT, upscalingMode={"enum": ["Default", "Aggressive", "Conservative"]})
_HEAD_GROUP = _record(required=("rayStartParams", "template"), rayStartParams=_STRINGS, template=_TEMPLATE)
_WORKER_GROUP = _record(
    required=("groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"),
    groupName={"type": "string", "minLength": 1},
    replicas=_COUNT,
    minReplicas=_COUNT,
    maxReplicas=_COUNT,
    rayStartParams=_STRINGS,
    template=_TEMPLATE,
)
_CLUSTER = _record(
    required=("headGroupSpec",),
    rayVersion={"type": "string"},
    authOptions=_record(mode={"enum": ["disabled", "token"]}),
    enableInTreeAutoscaling={"type": "boolean"},
    autoscalerOptions=_AUTOSCALER,
    headGroupSpec=_HEAD_GROUP,
    workerGroupSpecs={"type": "array", "items": _WORKER_GROUP},
)
_SPEC = _record(
    entrypoint={"type": "string"},
    submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]},
    backoffLimit=_COUNT,
    shutdownAfterJobFinishes={"type": "boolean"},
    ttlSecondsAfterFinished=_COUNT,
    rayClusterSpec=_CLUSTER,
)
RAY_JOB = _record(
    required=("apiVersion", "kind", "metadata", "spec"),
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=_METADATA,
    spec=_SPEC,
)
"""JSON schema of a RayJob, limited to the fields that the generated files use."""


def check_ray_job(job: dict[str, Any]) -> None:
    """Check a RayJob against the schema, the operator's rules, and Kubernetes' schema for its pods.

    Raises:
        jsonschema.ValidationError, kubernetes_validate.ValidationError: a field is unknown, missing or of another type.
        AssertionError: a rule of the operator is broken.
    """
    jsonschema.validate(job, RAY_JOB)
    name = job["metadata"]["name"]
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name), f"a name of DNS (RFC 1035) is needed: {name}"
    assert len(name) <= 47, f"a RayJob's name has at most 47 characters: {name}"
    spec = job["spec"]
    assert "rayClusterSpec" in spec, "without a cluster selector, a cluster is needed"
    assert not spec.get("ttlSecondsAfterFinished") or spec["shutdownAfterJobFinishes"], "without a shutdown, no TTL"
    cluster = spec["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": group["template"]["spec"]}
        kubernetes_validate.validate(pod, KUBERNETES_VERSION, strict=True)
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
