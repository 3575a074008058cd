"""Sealed files of a study that are edited and sealed again, as damage never is."""

from core.storage.sealed import seal_json, unseal_json
from core.storage.store import Store


def edit_sealed(store: Store, *keys: str, old: bytes, new: bytes) -> None:
    """Replace bytes in sealed JSON files, and seal them again."""
    for key in keys:
        content = unseal_json(store.get(key))
        assert old in content
        store.put(key, seal_json(content.replace(old, new)))
