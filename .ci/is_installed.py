"""Exit with 0 where this environment has every requirement of one extra in the version that constraints.txt pins."""

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

try:
    from packaging.requirements import Requirement
except ImportError:
    sys.exit(1)

root = Path(__file__).parent.parent
project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
pinned = (Requirement(line) for line in (root / "constraints.txt").read_text(encoding="utf-8").split())
pins = {requirement.name.lower().replace("_", "-"): requirement for requirement in pinned}
wanted = [*project["dependencies"], *project["optional-dependencies"][sys.argv[1]]]
for name in (Requirement(text).name.lower().replace("_", "-") for text in wanted):
    try:
        found = version(name)
    except PackageNotFoundError:
        sys.exit(1)
    if name in pins and found not in pins[name].specifier:
        sys.exit(1)
try:
    version(project["name"])
except PackageNotFoundError:
    sys.exit(1)
