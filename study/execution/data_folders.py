"""Data folders for machines that lack them: their archives lie in the store of the study, copies in the caches.

The key of an archive is `data/<sha256>.tar`, with the hash of the content that a scan of the folder finds. A node that
joins a cluster later, or a study that goes on elsewhere, finds it there too.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.data.folder_copies import copy_of, pack, unpack
from core.storage.store import Store


def store_folder(store: Store, data: Mapping[str, Any]) -> None:
    """Write the archive of a data folder to the store, if it is not there.

    Args:
        store: Store of the study.
        data: Nested settings of the resolved data config, which names a folder of this machine.
    """
    key = _key(data["manifest_sha256"])
    if not store.has(key):
        store.put(key, pack(Path(data["folder"])))


def fetch_folder(store: Store, data: Mapping[str, Any]) -> None:
    """Copy a data folder from the store to the cache, if this machine has neither the folder nor a copy.

    Nothing happens if the store has no archive of it, or the data are not read from a folder.
    """
    sha256 = data.get("manifest_sha256")
    if sha256 is None or Path(data["folder"]).is_dir() or copy_of(sha256).is_dir():
        return
    if store.has(_key(sha256)):
        unpack(sha256, store.get(_key(sha256)))


def _key(sha256: str) -> str:
    return f"data/{sha256}.tar"
