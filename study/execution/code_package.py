"""The code of this process in one folder, which Ray copies to the nodes of a cluster, so that nothing is installed."""

import importlib.metadata
import shutil
from importlib.resources import as_file, files
from pathlib import Path

PACKAGES = ("core", "study", "search_spaces", "dashboards")
"""All packages of modstudy, copied with the files in them."""


def write_code(folder: Path) -> None:
    """Write the packages and the metadata of modstudy to a new folder, from which they can be imported."""
    folder.mkdir(parents=True)
    for package in PACKAGES:
        with as_file(files(package)) as source:
            shutil.copytree(source, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    # Without metadata, importlib.metadata would not know the version.
    metadata = importlib.metadata.metadata("modstudy")
    info = folder / f"modstudy-{metadata['Version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: modstudy\nVersion: {metadata['Version']}\n", encoding="utf-8"
    )
