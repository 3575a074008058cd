"""Id of a study in trackers, which tells it from earlier ones with its name in the same tracker."""

import secrets
from contextlib import suppress

from core.errors import StoreError
from core.storage.store import Store

ID_KEY = "mlflow-id"
"""Key in the store of the id."""


def delivery_id(store: Store) -> str:
    """Id of a study in trackers, which is made by its first delivery."""
    if not store.has(ID_KEY):
        with suppress(StoreError):
            store.put_new(ID_KEY, secrets.token_hex(8).encode())
    return store.get(ID_KEY).decode()


def known_delivery_id(store: Store) -> str | None:
    """Id of a study in trackers; None if it was never delivered."""
    return store.get(ID_KEY).decode() if store.has(ID_KEY) else None
