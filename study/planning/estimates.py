"""Costs of trials on this machine, from a few timed training steps for each kind of arm, with a cache."""

import hashlib
import json
import logging
import platform
import time
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

MIN_MEASURED, MAX_MEASURED = 4, 16
"""Numbers of kinds of arms that are timed, if there are as many; others are assumed to cost as the nearest of these."""
MEASURE_S, LONGEST_MEASURE_S = 1.0, 60.0
"""Times in seconds after which no more than `MIN_MEASURED` kinds of arms are timed, and no more at all."""
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
    costs: dict[int, TrialCosts] = {}
    start = time.monotonic()
    for index in _spread(len(kinds)):
        kind = kinds[index]
        if (known := _cached(kind)) is None:
            if cached_only and len(costs) < MIN_MEASURED:
                return None
            elapsed = time.monotonic() - start
            is_over = elapsed > (MEASURE_S if len(costs) >= MIN_MEASURED else LONGEST_MEASURE_S)
            if cached_only or (costs and is_over):
                continue
            known = _measured(kind, config_of_kind[kind])
        costs[index] = known
    measured = sorted(costs)
    by_kind = {kind: costs[_nearest(measured, index)] for index, kind in enumerate(kinds)}
    return CostTable(costs=by_kind, n_measured=len(costs))


def _spread(n: int) -> list[int]:
    """Up to `MAX_MEASURED` evenly spaced indices below a number; also the first few of them are spread over it."""
    n_chosen = min(n, MAX_MEASURED)
    # Both ends, then by the reversed bits of their number, as in a van der Corput sequence.
    order = sorted(range(n_chosen), key=lambda number: (number != n_chosen - 1 and number > 0, f"{number:08b}"[::-1]))
    return [number * (n - 1) // max(1, n_chosen - 1) for number in order]


def _nearest(indices: Sequence[int], index: int) -> int:
    """The nearest of some indices in ascending order, the smaller one of two."""
    return min(indices, key=lambda other: (abs(other - index), other))


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
