"""Values on S3 that are written only if their key is new: conditional writes (If-None-Match), which pyarrow lacks."""

import secrets
from functools import cache
from typing import Any

from core.errors import StoreError
from core.storage.roots import s3_bucket, s3_credentials, shown, uri_options

MAX_CONFLICTS = 10
"""Maximum number of tries while the server reports a concurrent write of the same key, which it asks to repeat."""
_WRITER = "writer"
"""Metadata of a value that identifies the call that wrote it."""


def write_if_new(root: str, region: str, path: str, data: bytes) -> bool:
    """Write a value and return True, or return False and change nothing if the key exists.

    Of any number of concurrent calls for one key, in any processes, exactly one returns True. A request that is
    repeated after a lost response counts as one, because each call marks its value as its own.

    Args:
        root: URI of the store, with bucket and options.
        region: Region of the bucket.
        path: Bucket and key, separated by a slash.
        data: The value.

    Raises:
        StoreError: boto3 is missing, or the server refuses the request or ignores its condition.
    """
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise StoreError(
            f"a root on S3 needs boto3 for writes that only one process can win; {shown(root)} cannot be "
            "used without it: pip install 'modstudy[s3]'"
        ) from error
    client = _client(root, region)
    key = path.removeprefix(f"{s3_bucket(root)}/")
    address = {"Bucket": s3_bucket(root), "Key": key}
    writer = secrets.token_hex(16)
    try:
        for _ in range(MAX_CONFLICTS):
            try:
                client.put_object(**address, Body=data, IfNoneMatch="*", Metadata={_WRITER: writer})
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if status == 409:
                    continue
                if status != 412:
                    raise
            # After a lost response, the repeated request is refused although the value is there.
            return bool(client.head_object(**address)["Metadata"].get(_WRITER) == writer)
    except (BotoCoreError, ClientError) as error:
        raise StoreError(f"{shown(root)} cannot be written: {error}") from error
    raise StoreError(f"{shown(root)}/{key} is being written by several processes; run the command again")


@cache
def _client(root: str, region: str) -> Any:
    """The S3 client for a root."""
    import boto3
    from botocore.config import Config

    options = uri_options(root)
    access_key, secret_key = s3_credentials(root)
    endpoint = options.get("endpoint_override")
    return boto3.client(
        "s3",
        region_name=region,
        endpoint_url=f"{options.get('scheme', 'https')}://{endpoint}" if endpoint else None,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"total_max_attempts": 4, "mode": "standard"},
            s3={"addressing_style": "path" if endpoint else "auto"},
        ),
    )
