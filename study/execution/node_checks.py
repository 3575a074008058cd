"""Checks of the nodes of a cluster before a study starts: shared root, same libraries, same data."""

import importlib.metadata
import platform
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from core.data.folder_copies import folder_bytes, remove_copy
from core.errors import ModstudyError, StoreError, StudyError
from core.storage.roots import shown
from core.storage.store import Store
from study.execution.cluster import Node, on_each_node
from study.execution.data_folders import fetch_folder, store_folder

COMPARED_PACKAGES = (
    "jaxtyping",
    "librosa",
    "numba",
    "numpy",
    "pyarrow",
    "pydantic",
    "ray",
    "schedulefree",
    "scipy",
    "soundfile",
    "torch",
    "torchaudio",
    "torchlpc",
)
"""Packages that trials import, and whose versions must be those of the driver."""
MAX_SHIPPED_BYTES = 512 * 2**20
"""Maximum size of a data folder that is copied to nodes that lack it."""
VISIBLE_WITHIN_S = 5.0
"""Time within which a file on a shared file system must appear on other machines."""
Result = TypeVar("Result")
_NO_FOLDER = "the folder is missing"
"""Problem with the content of a config: its data folder is not on the node."""


def check_packages(nodes: Sequence[Node]) -> None:
    """Check that all nodes have the driver's versions of Python, of the packages and of the code.

    Raises:
        StudyError: a node lacks a package or has another version.
    """
    probe = _version_probe(COMPARED_PACKAGES)
    expected = probe()
    for node, found in _by_name(nodes, on_each_node(nodes, probe, what="reading the versions of packages")):
        differences = [
            f"{name} is {found[name] or 'missing'}, here {version}"
            for name, version in expected.items()
            if found[name] != version
        ]
        if differences:
            raise StudyError(
                f"{node} has other packages than this machine: {'; '.join(differences)}; install the same on all "
                "nodes: pip install -c constraints.txt, or use one container image"
            )
    for node, version in _by_name(nodes, on_each_node(nodes, _code_version, what="importing the code")):
        if version != _code_version():
            raise StudyError(
                f"{node} runs code {version}, and this machine {_code_version()}; another copy of modstudy precedes "
                "the one that Ray brings there: remove it from PYTHONPATH on that node"
            )


def check_root(root: str, nodes: Sequence[Node]) -> None:
    """Check that all nodes read what this machine writes under a root, and the other way round.

    Raises:
        StoreError: this machine cannot write there, or the store lets a second writer replace a new key.
        StudyError: a node does not share the root.
    """
    store = Store(root)
    if store.local_root is not None:
        store = Store(store.local_root)
    probe = f".modstudy-probe-{secrets.token_hex(6)}"
    try:
        _write_probe(store, probe)
        found = on_each_node(nodes, _exchange, store.root, probe, what=f"using the root {shown(root)}")
        for node in nodes:
            problem = found[node.id] or _problem_of_reading(store, f"{probe}/{node.id}", node.id.encode())
            if problem:
                raise StudyError(
                    f"{node.name} does not share the root {shown(root)}: {problem}; give a --root that all nodes see, "
                    "such as a folder on a shared file system or s3://bucket/prefix"
                )
    finally:
        _remove_probe(store, probe)


def check_data(
    store: Store, configs: Sequence[dict[str, Any]], nodes: Sequence[Node], say: Callable[[str], None]
) -> None:
    """Check that all nodes have the data and wavetables of trials; data folders are copied to nodes that lack them.

    Args:
        store: Store of the study, through which folders are copied.
        configs: Nested settings of the resolved configs; only those that differ in their contents are needed.
        nodes: The nodes.
        say: Called with a sentence for each folder that is copied.

    Raises:
        StudyError: a node has other data than this machine, or lacks what cannot be copied.
    """
    found = on_each_node(nodes, _content_problems, list(configs), what="reading the data")
    for index, config in enumerate(configs):
        lacking = [node for node in nodes if found[node.id][index] == _NO_FOLDER]
        if lacking:
            folder = Path(config["data"]["folder"])
            _check_size(folder, lacking)
            say(f"copying {folder} to {len(lacking)} node{'s' if len(lacking) > 1 else ''}")
            store_folder(store, config["data"])
            root = store.root if store.local_root is None else str(store.local_root)
            problems = on_each_node(lacking, _fetch_and_check, root, config, what=f"copying {folder}")
            for node in lacking:
                found[node.id][index] = problems[node.id]
    for node in nodes:
        for problem in found[node.id]:
            if problem:
                raise StudyError(
                    f"{node.name} cannot use the data of the study: {problem}; give a folder that all nodes see"
                )


def _version_probe(packages: Sequence[str]) -> Callable[[], dict[str, str | None]]:
    """A function that returns the versions of Python and of packages, None for those that are missing.

    It is defined here, within a function, so that it is sent to a node as it is and imports nothing of modstudy there.
    """

    def probe() -> dict[str, str | None]:
        versions: dict[str, str | None] = {"Python": platform.python_version()}
        for package in packages:
            try:
                # Builds of torch for a GPU and for the CPU have the same version except for what follows the plus.
                versions[package] = importlib.metadata.version(package).partition("+")[0]
            except importlib.metadata.PackageNotFoundError:
                versions[package] = None
        return versions

    return probe


def _code_version() -> str:
    """Version of the code; on a node, of the code there."""
    from core.storage.code_version import code_version

    return code_version()


def _write_probe(store: Store, probe: str) -> None:
    """Write the driver's value of the probe, and check that nobody can write it a second time.

    Raises:
        StoreError: the value cannot be written, or a second writer is not refused.
    """
    key = f"{probe}/driver"
    try:
        store.put_new(key, probe.encode())
    except StoreError as error:
        raise StoreError(f"this machine cannot write to the root {shown(store.root)}: {error}") from error
    with suppress(StoreError):
        store.put_new(key, b"second")
        raise StudyError(
            f"the root {shown(store.root)} lets a second process replace what another one has written, so that two "
            "launches could mix; use a server that supports conditional writes (If-None-Match), or a shared folder"
        )


def _exchange(root: str, probe: str) -> str | None:
    """On a node: read the driver's value, and write the node's own; returns the problem, None if there is none."""
    import ray

    store = Store(root)
    node = ray.get_runtime_context().get_node_id()
    if problem := _problem_of_reading(store, f"{probe}/driver", probe.encode()):
        return f"it cannot read what the driver wrote there ({problem})"
    try:
        store.put_new(f"{probe}/{node}", node.encode())
    except (OSError, StoreError) as error:
        return f"it cannot write there ({error})"
    return _problem_of_reading(store, f"{probe}/{node}", node.encode())


def _problem_of_reading(store: Store, key: str, expected: bytes) -> str | None:
    """Why a value is not found within some seconds; None if it is."""
    deadline = time.monotonic() + VISIBLE_WITHIN_S
    while True:
        try:
            found = store.get(key)
            return None if found == expected else f"{key} has other content than was written"
        except (OSError, StoreError) as error:
            if time.monotonic() >= deadline:
                return str(error)
        time.sleep(0.1)


def _remove_probe(store: Store, probe: str) -> None:
    """Remove all values of a probe."""
    if store.local_root is not None:
        shutil.rmtree(store.local_root / probe, ignore_errors=True)
        return
    with suppress(OSError, StoreError):
        for name in store.names(probe):
            store.drop(f"{probe}/{name}")


def _content_problems(configs: Sequence[dict[str, Any]]) -> list[str | None]:
    """On a node: what is wrong with the contents of each config; None if nothing is."""
    from core.data.base import MissingFolderError
    from core.settings.loading import from_settings
    from core.training.resolve import check_contents

    problems: list[str | None] = []
    for config in configs:
        try:
            check_contents(from_settings(config))
            problems.append(None)
        except MissingFolderError:
            problems.append(_NO_FOLDER)
        except (ModstudyError, OSError) as error:
            problems.append(str(error))
    return problems


def _fetch_and_check(root: str, config: dict[str, Any]) -> str | None:
    """On a node: copy a data folder from the store, and return what is wrong with it; None if nothing is."""
    fetch_folder(Store(root), config["data"])
    problem = _content_problems([config])[0]
    if problem:
        remove_copy(config["data"]["manifest_sha256"])
    return problem


def _check_size(folder: Path, lacking: Sequence[Node]) -> None:
    """Raise StudyError if a folder that nodes lack is too large to be copied."""
    if (size := folder_bytes(folder)) > MAX_SHIPPED_BYTES:
        raise StudyError(
            f"{', '.join(node.name for node in lacking)} have no {folder}, which is too large to be copied there "
            f"({size / 2**20:.0f} MiB, more than {MAX_SHIPPED_BYTES / 2**20:.0f}); put it where all nodes see it"
        )


def _by_name(nodes: Sequence[Node], found: dict[str, Result]) -> list[tuple[str, Result]]:
    """Results with the names of their nodes."""
    return [(node.name, found[node.id]) for node in nodes]
