"""What all cluster files need to know: the launch that they run, and the nodes that it gets."""

import hashlib
import re
from dataclasses import dataclass

from core.errors import ConfigError
from core.settings.loading import parse_assignment
from core.storage.roots import has_credentials

LONGEST_NAME = 47
"""Longest name of a RayJob in characters, because KubeRay appends to it (ray-operator, MaxRayJobNameLength)."""
OBJECT_STORE_BYTES = 200 * 2**20
"""Size of Ray's object store on each node, which contains only small objects."""
WAIT_FOR_NODES_S = 1800
"""Seconds that a launch waits for nodes that a cloud or Kubernetes has to start first."""
ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "MLFLOW_DISABLE_TELEMETRY": "true"}
"""Environment variables on all nodes: Ray and MLflow report no usage to their makers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRun:
    """The `modstudy launch` that a cluster file runs."""

    study: str
    """Name of a built-in study, or path of a study file on the node where the launch runs."""
    name: str
    """Name under which the study is stored."""
    root: str
    """Folder that all nodes see, or URI."""
    tracking_uri: str | None = None
    seeds: int | None = None
    assignments: tuple[str, ...] = ()
    """Settings for all arms, each PATH=VALUE."""
    trials_at_once: int | None = None
    cpus_per_trial: float | None = None
    gpus_per_trial: float | None = None

    def __post_init__(self) -> None:
        for assignment in self.assignments:
            parse_assignment(assignment)
        for option, value, instead in (
            ("--root", self.root, "the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the nodes' role"),
            ("--tracking-uri", self.tracking_uri or "", "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        ):
            if has_credentials(value):
                raise ConfigError(
                    f"{option} must have no credentials, because others may read a cluster file; give them by {instead}"
                )
        for text in (self.study, self.name, self.root, self.tracking_uri or "", *self.assignments):
            check_line(text)

    @property
    def has_remote_root(self) -> bool:
        """Whether the root is a URI and not a folder."""
        return "://" in self.root

    @property
    def slug(self) -> str:
        """Name of the study for clusters: lower-case letters, digits and hyphens, with a letter first."""
        return slug(f"modstudy-{self.name}")

    def command(self) -> tuple[str, ...]:
        """Words of the command, without the address of the cluster."""
        words = ["modstudy", "launch", self.study, "--name", self.name, "--root", self.root]
        options: dict[str, object] = {
            "--tracking-uri": self.tracking_uri,
            "--seeds": self.seeds,
            "--trials-at-once": self.trials_at_once,
            "--cpus-per-trial": self.cpus_per_trial,
            "--gpus-per-trial": self.gpus_per_trial,
        }
        for option, value in options.items():
            if value is not None:
                words += [option, str(value)]
        for assignment in self.assignments:
            words += ["--set", assignment]
        return tuple(words)

    def command_on_growing_cluster(self) -> tuple[str, ...]:
        """Words of the command on the head of a cluster whose nodes may still have to start."""
        return (*self.command(), "--address", "auto", "--wait-for-nodes", str(WAIT_FOR_NODES_S))


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """Nodes on which trials run, all alike."""

    n_nodes: int
    cpus: int
    gpus: int = 0
    memory_gib: int | None = None
    """Memory of each node in GiB; None for the default of the cluster."""

    def __post_init__(self) -> None:
        for what, value, least in (("nodes", self.n_nodes, 1), ("cpus-per-node", self.cpus, 1)):
            if value < least:
                raise ConfigError(f"--{what} must be at least {least}; got {value}")
        if self.gpus < 0:
            raise ConfigError(f"--gpus-per-node must not be negative; got {self.gpus}")
        if self.memory_gib is not None and self.memory_gib < 1:
            raise ConfigError(f"--memory-per-node must be at least 1 GiB; got {self.memory_gib}")


def slug(text: str) -> str:
    """A text as a DNS label (RFC 1035) of at most `LONGEST_NAME` characters; longer ones end in a hash of the text."""
    label = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if len(label) <= LONGEST_NAME:
        return label
    ending = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{label[: LONGEST_NAME - len(ending) - 1].rstrip('-')}-{ending}"


def check_line(text: str) -> None:
    """Check that a value fits on one line, because it may stand in a comment.

    Raises:
        ConfigError: the value contains a line break or another control character.
    """
    if not text.isprintable():
        raise ConfigError(f"values of cluster files must have no line breaks or control characters; got {text!r}")


def check_word(option: str, text: str, pattern: str, rule: str) -> None:
    """Check the value of an option against a pattern, which `rule` states in words.

    Raises:
        ConfigError: the value does not match the whole pattern.
    """
    if not re.fullmatch(pattern, text):
        raise ConfigError(f"{option} must be {rule}; got {text!r}")
