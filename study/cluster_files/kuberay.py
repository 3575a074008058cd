"""A RayJob for KubeRay (ray.io/v1): a head that runs the launch, and a group of workers that run the trials."""

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from core.errors import ConfigError
from study.cluster_files.rendering import render
from study.cluster_files.settings import Nodes, StudyRun, check_word

GIB_PER_CPU = 2
"""Memory per CPU of a worker in GiB, unless it is given; a process with torch takes 0.4 GiB before it trains."""
HEAD_CPUS = 2
HEAD_MEMORY_GIB = 8
STUDY_FOLDER = "/etc/modstudy"
"""Folder of the study file in the head's container."""
IDLE_S = 300
"""Seconds without work after which the autoscaler removes a worker."""
KEEP_S = 600
"""Seconds that the cluster is kept after the end, so that its logs can be read."""
MAX_CONFIG_MAP_BYTES = 2**20
"""Largest content of a ConfigMap (Kubernetes documentation, ConfigMaps)."""
_LABEL = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_LABEL_RULE = "lower-case letters, digits, hyphens and dots"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeRaySettings:
    """Options of the RayJob."""

    nodes: Nodes
    """Workers; `n_nodes` is their largest number."""
    image: str
    """Container image with modstudy and `ray[default]`."""
    min_nodes: int | None = None
    """Smallest number of workers; None for as many as the largest number, without autoscaling."""
    claim: str | None = None
    """Persistent volume claim that all pods can write (ReadWriteMany)."""
    mount: str = "/mnt/modstudy"
    """Folder of the claim in the containers."""
    secret: str | None = None
    """Secret whose keys become environment variables, e.g. credentials of an object store."""
    spot: str | None = None
    """Label of spot nodes, KEY=VALUE, which workers select and whose taint they tolerate."""
    namespace: str | None = None
    retries: int = 3
    """How often KubeRay makes a new cluster and launches again when the job fails."""

    def __post_init__(self) -> None:
        check_word("--image", self.image, r"[a-zA-Z0-9][\w.:/@-]*", "the name of a container image")
        for option, value in (("--claim", self.claim), ("--secret", self.secret), ("--namespace", self.namespace)):
            if value is not None:
                check_word(option, value, _LABEL, _LABEL_RULE)
        if self.spot is not None:
            check_word("--spot", self.spot, r"[\w./-]+=[\w.-]+", "KEY=VALUE, e.g. cloud.google.com/gke-spot=true")
        if self.min_nodes is not None and not 0 <= self.min_nodes <= self.nodes.n_nodes:
            raise ConfigError(f"--min-nodes must lie between 0 and --nodes={self.nodes.n_nodes}; got {self.min_nodes}")
        if self.retries < 0:
            raise ConfigError(f"--retries must not be negative; got {self.retries}")
        if not PurePosixPath(self.mount).is_absolute():
            raise ConfigError(f"--mount must be an absolute path; got {self.mount!r}")

    @property
    def n_nodes_at_start(self) -> int:
        """Number of workers without load."""
        return self.nodes.n_nodes if self.min_nodes is None else self.min_nodes


def kuberay_job(
    run: StudyRun, settings: KubeRaySettings, *, made_by: Sequence[str], study_text: str | None = None
) -> str:
    """The YAML of the RayJob, and of a ConfigMap with the study file where one is given.

    The operator sends the command to the head as it stands (HTTPMode), so that one shell reads it, once. A failed job,
    such as one whose head was evicted, is launched again on a new cluster and resumes the study.

    Args:
        run: The launch. `run.study` is ignored if there is a study text.
        settings: Options of the RayJob.
        made_by: Words of the command that made the file.
        study_text: Content of the study file; None for a built-in study.

    Raises:
        ConfigError: the root is a folder that is not on the claim, or the study file is too large.
    """
    if not run.has_remote_root:
        if settings.claim is None:
            raise ConfigError("pods share no folder: give --claim NAME, or --root as a URI such as s3://bucket/studies")
        if not PurePosixPath(run.root).is_relative_to(settings.mount):
            raise ConfigError(f"--root must lie in {settings.mount}, where the claim is mounted; got {run.root!r}")
    study_file = None
    if study_text is not None:
        if len(study_text.encode()) > MAX_CONFIG_MAP_BYTES:
            raise ConfigError(f"a study file must have at most {MAX_CONFIG_MAP_BYTES} bytes to fit into a ConfigMap")
        study_file = f"{run.slug}.toml"
        run = replace(run, study=f"{STUDY_FOLDER}/{study_file}")
    nodes = settings.nodes
    return render(
        "kuberay.yaml.j2",
        run=run,
        made_by=made_by,
        settings=settings,
        study_text=study_text,
        study_file=study_file,
        study_folder=STUDY_FOLDER,
        ray_version=importlib.metadata.version("ray"),
        worker_memory_gib=nodes.memory_gib or GIB_PER_CPU * nodes.cpus,
        head_cpus=HEAD_CPUS,
        head_memory_gib=HEAD_MEMORY_GIB,
        idle_s=IDLE_S,
        keep_s=KEEP_S,
    )
