"""Work measured by its number of function calls: the same on every machine, however busy it is."""

import cProfile
from collections.abc import Callable
from typing import Any


def calls_of(work: Callable[[], Any]) -> tuple[int, Any]:
    """Number of function calls that some work makes, those of built-in functions included, and its result."""
    profile = cProfile.Profile()
    result = profile.runcall(work)
    return sum(entry.callcount for entry in profile.getstats()), result
