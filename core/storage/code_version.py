"""Version of the code that affects the results of a trial."""

import hashlib
import importlib.metadata
from functools import cache
from pathlib import Path


@cache
def code_version() -> str:
    """Version of the package and a hash of all source files of the core, such as `0.1.0+core.1a2b3c4d`."""
    content = hashlib.sha256()
    package = Path(__file__).parent.parent
    for path in sorted(package.rglob("*.py")):
        content.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes())
    return f"{importlib.metadata.version('modstudy')}+core.{content.hexdigest()[:8]}"
