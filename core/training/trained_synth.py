"""The synth of a trained model, from the weights that a trial has stored."""

from typing import Any

from core.errors import StoreError
from core.settings.trial import TrialConfig
from core.storage.store import Attempt
from core.synths.base import Synth
from core.synths.build import build_synth
from core.training.checkpoint import MODEL_NAME, from_bytes
from core.wavetables.turns import with_wavetable_of_seed

_PREFIX = "synth."
"""Prefix of the names of the synth's weights in a model."""


def trained_synth(attempt: Attempt, config: TrialConfig) -> Synth[Any]:
    """The synth of a finished trial with its trained weights, on the CPU.

    Args:
        attempt: The committed attempt at the trial.
        config: The config of the trial.

    Raises:
        DamageError: the weights are damaged.
        StoreError: the attempt has no weights, or weights of another synth.
        DataError: the wavetable of the config cannot be read.
    """
    synth = build_synth(with_wavetable_of_seed(config).synth, config.audio)
    try:
        weights: dict[str, Any] = dict(from_bytes(attempt.get(MODEL_NAME))["weights"])
    except (ValueError, KeyError, TypeError) as error:
        raise attempt.damage(MODEL_NAME, f"it has no weights: {error}") from error
    own = {name.removeprefix(_PREFIX): value for name, value in weights.items() if name.startswith(_PREFIX)}
    try:
        synth.load_state_dict(own)
    except RuntimeError as error:
        raise StoreError(
            f"{attempt.key(MODEL_NAME)} does not have the weights of its config's {config.synth.kind} synth: {error}; "
            "read it with the version that wrote it"
        ) from error
    return synth.eval()
