"""New keys on S3: exactly one of any concurrent writers succeeds, whatever the network does to their requests."""

import subprocess
import sys
from typing import Any

import pytest

from core.errors import StoreError
from core.storage import s3
from core.storage.store import Store
from tests.support.s3_server import new_bucket, s3_options
from tests.support.stores import on_s3

WRITE_ELSEWHERE = """
import sys
from core.errors import StoreError
from core.storage.store import Store

store = Store(sys.argv[1])
store.put(f"ready-{sys.argv[2]}", b"")
while len(store.names("")) < 2:
    pass
for number in range(40):
    try:
        store.put_new(f"keys/{number:03d}", sys.argv[2].encode())
    except StoreError:
        continue
    print(f"{number:03d}")
"""


class Refusing:
    """A client whose first requests to write end as told."""

    def __init__(self, client: Any, endings: list[str]) -> None:
        self._client = client
        self._endings = endings

    def put_object(self, **arguments: Any) -> Any:
        from botocore.exceptions import ClientError

        ending = self._endings.pop(0) if self._endings else "as usual"
        if ending == "ignores the condition":
            arguments.pop("IfNoneMatch")
        if ending == "conflict":
            raise ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 409}}, "PutObject")
        if ending == "response lost":
            self._client.put_object(**arguments)
        return self._client.put_object(**arguments)

    def head_object(self, **arguments: Any) -> Any:
        return self._client.head_object(**arguments)


@pytest.fixture
def store(tmp_path: Any) -> Store:
    return on_s3(tmp_path)


def endings(monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
    make = s3._client
    told = list(texts)
    monkeypatch.setattr(s3, "_client", lambda *arguments: Refusing(make(*arguments), told))


def test_a_request_that_was_repeated_after_a_lost_response_has_written_the_value(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    endings(monkeypatch, "response lost")
    store.put_new("a", b"1")
    with pytest.raises(StoreError, match="already holds a"):
        store.put_new("a", b"1")


def test_a_conflict_is_tried_again_but_not_for_ever(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    endings(monkeypatch, *3 * ["conflict"])
    store.put_new("a", b"1")
    assert store.get("a") == b"1"
    endings(monkeypatch, *s3.MAX_CONFLICTS * ["conflict"])
    with pytest.raises(StoreError, match="is being written by several processes; run the command again"):
        store.put_new("b", b"1")


def test_of_two_racing_processes_one_writes_each_key() -> None:
    root = f"{new_bucket()}/race{s3_options()}"
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITE_ELSEWHERE, root, name], stdout=subprocess.PIPE, text=True)
        for name in ("a", "b")
    ]
    won = [process.communicate(timeout=120)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(won[0] + won[1]) == [f"{number:03d}" for number in range(40)]
    store = Store(root)
    for name, keys in zip((b"a", b"b"), won, strict=True):
        assert {store.get(f"keys/{key}") for key in keys} <= {name}


def test_without_boto3_the_error_names_the_extra(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    with pytest.raises(StoreError, match=r"needs boto3 .*pip install 'modstudy\[s3\]'"):
        store.put_new("a", b"1")


def test_a_bucket_that_is_not_there_is_one_error_without_credentials() -> None:
    store = Store(f"s3://id:word@no-such-bucket/x{s3_options()}")
    assert not store.has("a")
    for write in (store.put, store.put_new):
        with pytest.raises(StoreError, match="s3://no-such-bucket/x cannot be") as raised:
            write("a", b"")
        assert "word" not in str(raised.value)


def test_an_invalid_uri_is_one_error() -> None:
    with pytest.raises(StoreError, match="a root is a folder or a URI such as s3://bucket/prefix; nothing://x"):
        Store("nothing://x")
