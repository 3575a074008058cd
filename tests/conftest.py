"""Shape checks for the whole core while tests run: jaxtyping's annotations are enforced by beartype."""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

from hypothesis import settings
from jaxtyping import install_import_hook

_HOOK = install_import_hook(["core"], "beartype.beartype")

import torch  # noqa: E402  (the hook has to be there before anything imports core)

torch.set_num_threads(1)
settings.register_profile("modstudy", deadline=None)
settings.load_profile("modstudy")
