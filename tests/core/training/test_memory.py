"""Freed memory stays with the process."""

import subprocess
import sys

import pytest

PROBE = """
import resource, sys
import numpy as np
from core.training.memory import reuse_freed_memory
is_set = reuse_freed_memory() if sys.argv[1] == "keep" else None
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(16 << 20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(is_set, faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_second_block_of_the_same_size_needs_no_new_pages() -> None:
    def probe(how: str) -> list[str]:
        done = subprocess.run([sys.executable, "-c", PROBE, how], capture_output=True, text=True, check=True)
        return done.stdout.split()

    (is_set, faults), (_, faults_by_default) = probe("keep"), probe("leave")
    if is_set != "True":
        pytest.skip("not glibc's allocator")
    assert int(faults) < 0.1 * int(faults_by_default)
