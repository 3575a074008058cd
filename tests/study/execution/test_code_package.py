"""The code that Ray copies to nodes runs without an installation of modstudy."""

import subprocess
import sys
from pathlib import Path

from core.storage.code_version import code_version
from search_spaces.study_parsing import built_in_studies
from study.execution.code_package import write_code

PRINT = """
import sys
# Only the packages beside modstudy, as on a node; the checkout is installed by a path file or a finder.
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in str(finder).lower()]
sys.path = [path for path in sys.path if path == sys.argv[1] or "site-packages" in path or "lib/python" in path]
import core, study.execution.worker, dashboards.report.page
from core.storage.code_version import code_version
from search_spaces.study_parsing import built_in_studies
print(core.__file__)
print(code_version())
print(*built_in_studies())
"""


def test_the_packages_are_whole_and_know_their_version(tmp_path: Path) -> None:
    code = tmp_path / "code"
    write_code(code)
    assert not list(code.rglob("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-c", PRINT, code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(code), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [str(code / "core/__init__.py"), code_version(), " ".join(built_in_studies())]
