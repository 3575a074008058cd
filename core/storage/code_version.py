"""The name of the code that decides the numbers of a trial."""

import hashlib
import importlib.metadata
from functools import cache
from pathlib import Path


@cache
def code_version() -> str:
    """The version, and a hash of the code that decides the numbers: it changes with any edit of the core."""
    content = hashlib.sha256()
    package = Path(__file__).parent.parent
    for path in sorted(package.rglob("*.py")):
        content.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes())
    return f"{importlib.metadata.version('modstudy')}+core.{content.hexdigest()[:8]}"
