"""Machine code of kernels is shared by all copies of the same sources."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import core
from core.ops.kernel_cache import UNUSED_DAYS, kernel_folder

IMPORT = "import core.ops.pooling; from core.ops.kernel_cache import kernel_folder; print(kernel_folder())"


def copy_of_core(folder: Path) -> Path:
    package = Path(core.__file__).parent
    shutil.copytree(package, folder / "core", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def edit(source: Path) -> None:
    source.write_text(source.read_text() + "# an edit\n")


def folder_in(sources: Path, cache: Path) -> Path:
    """The folder that another process reports, with sources and a cache folder of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"PYTHONPATH": str(sources), "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], env=environment, capture_output=True, text=True, check=True, cwd=sources
    )
    return Path(done.stdout.strip())


def test_copies_of_the_same_sources_share_a_folder_and_an_edit_gets_another(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    kernels = cache / "modstudy" / "kernels"
    first = copy_of_core(tmp_path / "a")
    folder = folder_in(first, cache)
    assert folder.parent == kernels
    assert folder.name == kernel_folder().name
    stale, fresh = kernels / ("0" * 16), kernels / ("1" * 16)
    for other, days in ((stale, UNUSED_DAYS + 1), (fresh, UNUSED_DAYS - 1)):
        other.mkdir()
        used = folder.stat().st_mtime - days * 24 * 3600
        os.utime(other, (used, used))
    second = copy_of_core(tmp_path / "b")
    edit(second / "core" / "errors.py")
    assert folder_in(second, cache) == folder
    edit(second / "core" / "ops" / "sizes.py")
    assert folder_in(second, cache) not in (folder, fresh)
    assert fresh.exists()
    assert not stale.exists()


def test_kernels_work_where_the_cache_folder_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    assert folder_in(copy_of_core(tmp_path / "a"), tmp_path / "cache").parent.parent.parent == tmp_path / "cache"
