"""`modstudy doctor`: checks whether this machine meets the requirements of a study."""

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from core.errors import StudyError
from study.commands.options import OK, Root, console, report_errors

PACKAGES = ("torch", "torchaudio", "torchlpc", "ray", "mlflow", "pyarrow", "optuna", "modstudy")
"""Required packages whose versions are shown."""
EXTRAS = {
    "vita": "renders of Vital: pip install 'modstudy[real]'",
    "fluidsynth": "renders of SoundFonts: pip install 'modstudy[real]'",
    "cdpam": "a perceptual distance: pip install 'modstudy[perceptual]'",
}
"""Optional packages and their purpose."""
MIN_DISK_BYTES = 5 * 2**30
"""Free disk space in bytes that a study needs."""
MIN_MEMORY_BYTES = 4 * 2**30
"""Memory in bytes that a study needs."""
Finding = tuple[str, str, bool]
"""Subject and result of a check, and whether the result is sufficient for a study."""


@report_errors
def doctor(
    root: Root = "runs",
    ray: Annotated[bool, typer.Option(help="Also check that Ray starts, which takes some seconds.")] = True,
    bench: Annotated[bool, typer.Option("--bench", help="Measure the speed of training instead.")] = False,
) -> int:
    """Check the cores, memory, GPU, disk and installed packages of this machine."""
    if bench:
        _show_speeds()
        return OK
    is_complete = True
    for subject, found, is_good in findings(Path(root), start_ray=ray):
        is_complete = is_complete and is_good
        mark = "[green]ok[/]     " if is_good else "[red]missing[/]"
        console.print(f"{mark} {subject:<20} {escape(found)}", highlight=False, soft_wrap=True)
    if not is_complete:
        raise StudyError("this machine lacks something; see the lines marked 'missing'")
    return OK


def findings(folder: Path, *, start_ray: bool) -> Iterator[Finding]:
    """Check Python, hardware, packages and, if `start_ray`, Ray, one after the other.

    Args:
        folder: Folder of studies, whose disk is checked.
        start_ray: Whether to start Ray.
    """
    from study.planning.resources import usable_cpus

    yield (
        "Python",
        f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        sys.version_info >= (3, 11),
    )
    yield "cores", f"{usable_cpus()} usable of {os.cpu_count()}", True
    yield "bf16", *_result_or_error(_bf16_support)
    yield "memory", *_memory()
    yield "GPU", *_gpu()
    yield "disk", *_disk(folder)
    for package in PACKAGES:
        yield package, *_version(package)
    yield "torchaudio imports", *_result_or_error(lambda: str(importlib.import_module("torchaudio").__version__))
    for extra, purpose in EXTRAS.items():
        installed = importlib.util.find_spec(extra) is not None
        yield f"extra {extra}", "installed" if installed else f"not installed ({purpose})", True
    if start_ray:
        yield "Ray starts", *_result_or_error(_start_ray)


def _show_speeds() -> None:
    """Print the speed of training steps and kernels."""
    from study.commands.quick_benchmark import speeds

    console.print("Milliseconds of one call, forward and backward, one thread; kernels at 48 kHz, 8 clips of 1 s:")
    for speed in speeds():
        line = f"{speed.what:<42} {speed.kernel_ms:8.1f} ms"
        if speed.library_ms is not None:
            ratio = speed.library_ms / speed.kernel_ms
            line += f", by library calls {speed.library_ms:8.1f} ms: {ratio:.1f} times as long"
        console.print(line, highlight=False, soft_wrap=True)


def _bf16_support() -> str:
    """A text on whether the CPU has bf16 units."""
    from core.ops.convolution import has_bf16_units

    if has_bf16_units("cpu"):
        return "the CPU has units for it"
    return "no units in the CPU: encoder.precision=bf16 has its numbers here, not its speed"


def _memory() -> tuple[str, bool]:
    """Size of the memory, and whether it is sufficient."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return "unknown", True
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{size / 2**30:.1f} GiB", size >= MIN_MEMORY_BYTES


def _gpu() -> tuple[str, bool]:
    """Names of the GPUs, and whether they can be queried."""

    def gpu_names() -> str:
        import torch

        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        found = [f"{torch.cuda.get_device_name(i)}, CUDA {torch.version.cuda}" for i in range(count)]
        return "; ".join(found) or "none: trials run on the CPU"

    return _result_or_error(gpu_names)


def _disk(folder: Path) -> tuple[str, bool]:
    """Free disk space for a folder, and whether it is sufficient."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    return f"{free / 2**30:.1f} GiB free for {folder}", free >= MIN_DISK_BYTES


def _version(package: str) -> tuple[str, bool]:
    """Version of a package, and whether it is installed."""
    try:
        return importlib.metadata.version(package), True
    except importlib.metadata.PackageNotFoundError:
        return "not installed: pip install -c constraints.txt -e .", False


def _start_ray() -> str:
    """Start Ray, and return the time that it took as text."""
    from study.execution.ray_session import seconds_to_start
    from study.planning.resources import Machine, usable_cpus

    return f"in {seconds_to_start(Machine(cpus=usable_cpus(), gpus=0)):.1f} s"


def _result_or_error(run_check: Callable[[], str]) -> tuple[str, bool]:
    """Result of a check and True, or its error and False."""
    try:
        return run_check(), True
    except Exception as error:  # noqa: BLE001 - any error is the result of the check
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", False
