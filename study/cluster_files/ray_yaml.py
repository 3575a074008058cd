"""A cluster file for Ray's own launcher (`ray up`): a head on demand, and workers that may be spot machines."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Literal, assert_never

from core.errors import ConfigError
from study.cluster_files.rendering import render
from study.cluster_files.settings import Nodes, StudyRun, check_line, check_word

STUDY_FOLDER = "/tmp/modstudy-study"
"""Folder of the study file on the head."""
TOKEN_FILE = "/tmp/modstudy-ray/auth_token"
"""File on all nodes with the token of the cluster (Ray documentation, Token authentication)."""
USERS_TOKEN_FILE = "~/.ray/auth_token"
"""File on the machine that runs the launcher in which Ray keeps the user's token."""
IDLE_MINUTES = 10
"""Minutes without work after which a worker is given back."""
DISK_GB = 200

_WORD = r"[A-Za-z0-9][\w.-]*"
_WORD_RULE = "one word of letters, digits and _ . -"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsProvider:
    """Machines of Amazon EC2, with Ray's default image of the region."""

    region: str = "us-west-2"
    head_type: str = "m5.large"
    worker_type: str = "m5.2xlarge"
    identity: str | None = None
    """Instance profile of the workers, which lets them write to the root; Ray makes one for the head only."""
    kind: Literal["aws"] = field(default="aws", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GcpProvider:
    """Machines of Google Compute Engine."""

    project: str
    region: str = "us-west1"
    zone: str = "us-west1-a"
    head_type: str = "n2-standard-2"
    worker_type: str = "n2-standard-8"
    source_image: str = "projects/deeplearning-platform-release/global/images/family/common-cpu"
    identity: str | None = None
    """E-mail address of the workers' service account, which lets them write to the root."""
    kind: Literal["gcp"] = field(default="gcp", init=False)


Provider = AwsProvider | GcpProvider
"""Clouds whose machines the launcher starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RayYamlSettings:
    """Options of the cluster file."""

    provider: Provider
    nodes: Nodes
    """Workers; `n_nodes` is their largest number."""
    min_nodes: int = 0
    spot: bool = True
    """Whether workers are spot machines."""
    image: str | None = None
    """Container image in which Ray and the study run."""
    setup: tuple[str, ...] = ()
    """Shell commands that install modstudy on every node."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_nodes <= self.nodes.n_nodes:
            raise ConfigError(f"--min-nodes must lie between 0 and --nodes={self.nodes.n_nodes}; got {self.min_nodes}")
        if self.image is None and not self.setup:
            raise ConfigError(
                "new machines have no modstudy: give --image with an image that has it, or --setup with a command that "
                "installs it"
            )
        if self.image is not None:
            check_word("--image", self.image, r"[a-zA-Z0-9][\w.:/@-]*", "the name of a container image")
        for text in self.setup:
            check_line(text)
        provider = self.provider
        for option, value in (
            ("--region", provider.region),
            ("--head-type", provider.head_type),
            ("--worker-type", provider.worker_type),
        ):
            check_word(option, value, _WORD, _WORD_RULE)
        if provider.identity is not None:
            check_word("--worker-identity", provider.identity, r"[\w+=,.@:/-]+", "a name or address without spaces")
        match provider:
            case AwsProvider():
                pass
            case GcpProvider():
                check_word("--project", provider.project, r"[a-z][a-z0-9:.-]*", "the ID of a project")
                check_word("--zone", provider.zone, _WORD, _WORD_RULE)
                check_word("--source-image", provider.source_image, r"[\w./:-]+", "the path of an image")
                if not provider.zone.startswith(f"{provider.region}-"):
                    raise ConfigError(f"--zone must lie in --region {provider.region}; got {provider.zone!r}")
            case _:
                assert_never(provider)


def ray_cluster_file(
    run: StudyRun,
    settings: RayYamlSettings,
    *,
    made_by: Sequence[str],
    file: str = "FILE",
    study_path: str | None = None,
) -> str:
    """The YAML of the cluster.

    Args:
        run: The launch. `run.study` is ignored if there is a study path.
        settings: Options of the cluster.
        made_by: Words of the command that made the file.
        file: Name of the file, for the commands in its comment.
        study_path: Path of the study file on this machine, which is copied to the head; None for a built-in study.

    Raises:
        ConfigError: the root is a relative path.
    """
    if not (run.has_remote_root or PurePosixPath(run.root).is_absolute()):
        raise ConfigError(
            "machines of a cloud share no folder: give --root as a URI such as s3://bucket/studies, or as an absolute "
            f"path where --setup or the image mounts a shared file system; got {run.root!r}"
        )
    mounts = {TOKEN_FILE: USERS_TOKEN_FILE}
    if study_path is not None:
        study = f"{STUDY_FOLDER}/{run.slug}.toml"
        mounts[study] = study_path
        run = replace(run, study=study)
    return render(
        "ray_cluster.yaml.j2",
        run=run,
        made_by=made_by,
        settings=settings,
        provider=settings.provider,
        file=file,
        mounts=mounts,
        token_file=TOKEN_FILE,
        idle_minutes=IDLE_MINUTES,
        disk_gb=DISK_GB,
    )
