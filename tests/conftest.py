"""Shape checks for the whole core while tests run: jaxtyping's annotations are enforced by beartype."""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

from collections.abc import Iterator
from pathlib import Path

from hypothesis import settings
from jaxtyping import install_import_hook

_HOOK = install_import_hook(["core"], "beartype.beartype")

import pytest  # noqa: E402
import torch  # noqa: E402  (the hook has to be there before anything imports core)

# Kernels stay in the user's cache folder, although the tests have a cache folder of their own: compiling takes long.
_USER_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
os.environ.setdefault("NUMBA_CACHE_DIR", str(_USER_CACHE / "modstudy" / "kernels"))
torch.set_num_threads(1)
settings.register_profile("modstudy", deadline=None)
settings.load_profile("modstudy")


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests and the commands that they start use a cache folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder for one test, set as XDG_CACHE_HOME."""
    cache = tmp_path_factory.mktemp("own-cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return cache
