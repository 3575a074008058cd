"""Roots: what is below one, and what of one is shown."""

import pytest

from core.storage.roots import below, is_uri, s3_bucket, s3_credentials, shown, uri_options

S3 = "s3://id:a%2Fb@bucket/some/prefix?endpoint_override=127.0.0.1:9000&scheme=http"


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ("runs", "runs/study"),
        ("runs/", "runs/study"),
        ("what?/runs", "what?/runs/study"),
        ("file:///data/runs", "file:///data/runs/study"),
        ("s3://bucket", "s3://bucket/study"),
        ("s3://bucket/?scheme=http", "s3://bucket/study?scheme=http"),
        (S3, "s3://id:a%2Fb@bucket/some/prefix/study?endpoint_override=127.0.0.1:9000&scheme=http"),
    ],
)
def test_a_key_is_appended_to_the_path_and_options_stay_at_the_end(root: str, expected: str) -> None:
    assert below(root, "study") == expected


@pytest.mark.parametrize(
    ("root", "expected"),
    [("runs?", "runs?"), ("file:///data/runs", "file:///data/runs"), (S3, "s3://bucket/some/prefix")],
)
def test_what_is_shown_has_neither_credentials_nor_options(root: str, expected: str) -> None:
    assert shown(root) == expected


def test_parts_of_an_s3_uri() -> None:
    assert is_uri(S3)
    assert not is_uri("runs")
    assert s3_bucket(S3) == "bucket"
    assert s3_credentials(S3) == ("id", "a/b")
    assert s3_credentials("s3://bucket/prefix") == (None, None)
    assert uri_options(S3) == {"endpoint_override": "127.0.0.1:9000", "scheme": "http"}
