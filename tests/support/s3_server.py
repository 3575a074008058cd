"""A server on the loopback interface that stands for S3 (moto), with buckets for the tests."""

import secrets
from functools import cache

import boto3
from moto.server import ThreadedMotoServer

ACCESS_KEY, SECRET_KEY = "test-access", "test/secret+key"
_SECRET_IN_URI = "test%2Fsecret%2Bkey"


@cache
def s3_address() -> str:
    """Address of the server, which is started on the first call and ends with the process."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"{host}:{port}"


def new_bucket() -> str:
    """URI of a new bucket, with credentials."""
    name = f"bucket-{secrets.token_hex(4)}"
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{s3_address()}",
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    client.create_bucket(Bucket=name)
    return f"s3://{ACCESS_KEY}:{_SECRET_IN_URI}@{name}"


def s3_options() -> str:
    """Options of a URI with which the server is found."""
    return f"?endpoint_override={s3_address()}&scheme=http&region=us-east-1"
