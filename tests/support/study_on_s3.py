"""A study in a root on S3 that is really trained, with secrets in its root and in the address of its tracker."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from core.storage.roots import s3_bucket
from tests.support.command_process import PATIENCE_S, command, kill
from tests.support.listening import addresses_of
from tests.support.processes import command_line_of, session_of
from tests.support.s3_server import ACCESS_KEY, SECRET_KEY, new_bucket, s3_address, s3_options
from tests.support.servers import MlflowServer
from tests.support.trained_study import CONSTANT, study_text

ARGUMENT = "xyzzy-argument"
"""Password of the tracker."""


@dataclass(frozen=True)
class StudyOnS3:
    """A study that was really trained, with secrets in its root and in the address of its tracker."""

    folder: Path
    bucket: str
    output: str
    programs: frozenset[str]
    """Names of programs that ran for it."""
    listening: frozenset[str]
    """Addresses on which they were seen to listen."""

    def objects(self) -> dict[str, bytes]:
        """All values in the bucket by key."""
        client = boto3.client(
            "s3", endpoint_url=f"http://{s3_address()}", region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
        )  # fmt: skip
        listed = client.list_objects_v2(Bucket=self.bucket)["Contents"]
        return {item["Key"]: client.get_object(Bucket=self.bucket, Key=item["Key"])["Body"].read() for item in listed}


@pytest.fixture(scope="session")
def study_on_s3() -> Iterator[StudyOnS3]:
    folder = Path(tempfile.mkdtemp(prefix="s-", dir="/tmp"))
    server = MlflowServer(folder)
    try:
        for name in ("t", "work"):
            (folder / name).mkdir()
        (folder / "work" / "tiny.toml").write_text(study_text(CONSTANT, seeds=[0]), encoding="utf-8")
        server.start()
        root = new_bucket()
        tracking_uri = server.url.replace("://", f"://me:{ARGUMENT}@")
        with (folder / "output.txt").open("w") as output:
            driver = subprocess.Popen(
                command("launch", "tiny.toml", "--root", f"{root}/runs{s3_options()}", "--tracking-uri", tracking_uri),
                cwd=folder / "work",
                env={
                    **os.environ,
                    "PYTHONPATH": str(Path.cwd()),
                    "TMPDIR": str(folder / "t"),
                    "XDG_CACHE_HOME": str(folder / "cache"),
                },
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        programs, listening = _watch(driver)
        text = (folder / "output.txt").read_text(encoding="utf-8")
        assert driver.returncode == 0, text
        server.stop()
        yield StudyOnS3(folder, s3_bucket(root), text, programs, listening)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _watch(driver: "subprocess.Popen[bytes]") -> tuple[frozenset[str], frozenset[str]]:
    """Names of the programs of a study until it ends, and the addresses on which they listen."""
    programs: set[str] = set()
    listening: set[str] = set()
    deadline = time.monotonic() + PATIENCE_S
    try:
        while driver.poll() is None and time.monotonic() < deadline:
            processes = session_of(driver.pid)
            programs |= {Path(command_line_of(pid).split(b"\0")[0].decode()).name for pid in processes}
            listening |= addresses_of(processes)
            time.sleep(0.1)
    finally:
        kill(driver)
    return frozenset(programs), frozenset(listening)
