"""Costs of trials on this machine, from a few timed training steps for each kind of arm, with a cache."""

import hashlib
import json
import logging
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.cache_folder import cache_folder
from core.errors import StudyError
from core.settings.data import SyntheticDataConfig
from core.settings.digest import settings_sha256
from core.settings.parameterizations import LowPassConfig
from core.settings.trainer import TrainerConfig
from core.settings.trial import TrialConfig
from core.storage.atomic_write import write_atomically
from core.storage.code_version import code_version

if TYPE_CHECKING:
    from core.training.warmup import TrialCosts

MAX_MEASURED = 16
"""Largest number of kinds of arms that are timed; the others are assumed to cost the same as the nearest of these."""
Kind = tuple[str, TrialConfig]
"""Kind of the parameterization, and a config without the settings on which the costs hardly depend."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTable:
    """Costs of trials by kind of arm."""

    costs: Mapping[Kind, "TrialCosts"]
    n_measured: int
    """Number of kinds that were timed."""

    def of(self, config: TrialConfig) -> "TrialCosts":
        """The costs of the trials of a config, one of those from which the table was made."""
        return self.costs[kind_of_arm(config)]


def kind_of_arm(config: TrialConfig) -> Kind:
    """The kind of an arm: arms of one kind have the same costs of a step and of a clip.

    They may differ in seeds, sounds, numbers of steps, learning rates, and in numbers of their parameterization.
    """
    trainer = TrainerConfig(batch_size=config.trainer.batch_size, max_steps=min(1, config.trainer.max_steps))
    plain = replace(
        config,
        seed=0,
        data=SyntheticDataConfig(),
        optimizer=type(config.optimizer)(),
        parameterization=LowPassConfig(),
        trainer=trainer,
    )
    return config.parameterization.kind, plain


def cost_table(configs: Sequence[TrialConfig], *, cached_only: bool = False) -> CostTable | None:
    """Costs of the trials of some configs, measured for kinds of arms that are not in the cache.

    The steps use noise, so the data of the study need not exist.

    Args:
        configs: At least one config.
        cached_only: Whether to return None instead of measuring.

    Raises:
        ConfigError: a config breaks a rule.
        StudyError: a training step fails, for example because it needs more memory than there is.
    """
    config_of_kind: dict[Kind, TrialConfig] = {}
    for config in configs:
        config_of_kind.setdefault(kind_of_arm(config), config)
    kinds = list(config_of_kind)
    n_measured = min(len(kinds), MAX_MEASURED)
    costs: list[TrialCosts] = []
    for index in range(n_measured):
        kind = kinds[index * len(kinds) // n_measured]
        if (known := _cached(kind)) is None:
            if cached_only:
                return None
            known = _measured(kind, config_of_kind[kind])
        costs.append(known)
    by_kind = {kind: costs[index * n_measured // len(kinds)] for index, kind in enumerate(kinds)}
    return CostTable(costs=by_kind, n_measured=n_measured)


def _measured(kind: Kind, config: TrialConfig) -> "TrialCosts":
    """The costs of a kind of arm, measured with one of its configs, and written to the cache."""
    from core.training.warmup import measure_costs

    try:
        costs = measure_costs(config)
    except (RuntimeError, MemoryError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise StudyError(
            f"a training step with parameterization.kind={config.parameterization.kind}, "
            f"synth.kind={config.synth.kind} and trainer.batch_size={config.trainer.batch_size} fails: {reason}; "
            "if memory is short, lower trainer.batch_size or audio.duration_s"
        ) from error
    try:
        write_atomically(_cache_file(kind), json.dumps(asdict(costs)).encode())
    except OSError as error:
        _log.warning("the time cannot be remembered: %s", error)
    return costs


def _cached(kind: Kind) -> "TrialCosts | None":
    """The cached costs of a kind of arm for this machine and code; None if there are none."""
    from core.training.warmup import TrialCosts

    try:
        known = json.loads(_cache_file(kind).read_bytes())
        return TrialCosts(
            step_s=float(known["step_s"]), clip_s=float(known["clip_s"]), n_weights=int(known["n_weights"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _cache_file(kind: Kind) -> Path:
    """Cache file for a kind of arm on this machine with this code."""
    name, config = kind
    text = f"{name} {settings_sha256(config)} {code_version()} {platform.node()} {platform.processor()}"
    return cache_folder() / "estimates" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
