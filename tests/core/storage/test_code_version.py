"""The identifier of the code version."""

import re

from core.storage.code_version import code_version


def test_code_version_is_the_release_and_a_hash_of_the_core() -> None:
    assert re.fullmatch(r"0\.\d+\.\d+\+core\.[0-9a-f]{8}", code_version())
    assert code_version() == code_version()
