"""Feeds damaged inputs to one target until its time is over; run by tests.fuzz.run in a process of its own.

The process ends by a signal if the target crashes, and by the watchdog of faulthandler if it hangs; the input at which
that happened is in the file `current`.
"""

import faulthandler
import hashlib
import json
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase

from core.errors import ModstudyError
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

CURRENT, COUNTS, FAILURES = "current", "counts.json", "failures"
"""Names of the files with the input that is being tried and the counts, and of the folder with inputs that failed."""
MAX_SECONDS = 30.0
"""Time after which a target hangs."""
MAX_BYTES = 16 * 2**30
"""Limit of the address space of the process, beyond which allocations raise MemoryError."""
_EXAMPLES_PER_SEED = 200


def try_input(target: Target, folder: Path, data: bytes) -> str:
    """Feed an input to a target, and return what happened: "accepted", "refused" or a traceback."""
    faulthandler.dump_traceback_later(MAX_SECONDS, exit=True)
    try:
        target.run(folder, data)
    except ModstudyError:
        return "refused"
    except Exception:  # noqa: BLE001  (any other exception is what is looked for)
        return traceback.format_exc()
    finally:
        faulthandler.cancel_dump_traceback_later()
    return "accepted"


def main() -> None:
    """Fuzz the target of the command line: NAME SEED SECONDS FOLDER."""
    name, seed, seconds, folder = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
    target = TARGETS[name]()
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    (folder / FAILURES).mkdir(exist_ok=True)
    counts: Counter[str] = Counter()
    deadline = time.monotonic() + seconds

    def attempt(data: bytes) -> None:
        if time.monotonic() > deadline:
            return
        (folder / CURRENT).write_bytes(data)
        result = try_input(target, work, data)
        if "\n" in result:
            _write_failure(folder / FAILURES, data, result)
            result = "failed"
        counts[result] += 1
        (folder / COUNTS).write_text(json.dumps(counts))

    while time.monotonic() < deadline:
        _examples_of(target, seed, attempt)
        seed += 1
    (folder / CURRENT).unlink(missing_ok=True)


def _examples_of(target: Target, seed: int, attempt: Callable[[bytes], None]) -> None:
    """Call a function with the inputs that follow from a seed."""
    given = hypothesis.given(target.damage(target.originals))(attempt)
    limited = hypothesis.settings(
        max_examples=_EXAMPLES_PER_SEED,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )(given)
    hypothesis.seed(seed)(limited)()


def _write_failure(folder: Path, data: bytes, text: str) -> None:
    """Write an input with its traceback, unless one with the same last lines is there."""
    last_lines = "\n".join(line for line in text.splitlines() if line.startswith("  File"))
    name = hashlib.sha256(last_lines.encode()).hexdigest()[:12]
    if not (folder / f"{name}.bin").exists():
        (folder / f"{name}.bin").write_bytes(data)
        (folder / f"{name}.txt").write_text(text, encoding="utf-8", errors="backslashreplace")


if __name__ == "__main__":
    main()
