"""The synth or the whole model of a trained trial, from the weights that it has stored."""

from typing import Any

from torch import nn

from core.errors import StoreError
from core.settings.trial import TrialConfig
from core.storage.store import Attempt
from core.synths.base import Synth
from core.synths.build import build_synth
from core.training.checkpoint import MODEL_NAME, from_bytes
from core.training.model import DiscoveryModel, build_model
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
    weights = _stored_weights(attempt)
    own = {name.removeprefix(_PREFIX): value for name, value in weights.items() if name.startswith(_PREFIX)}
    _load(synth, own, attempt, f"{config.synth.kind} synth")
    return synth.eval()


def trained_model(attempt: Attempt, config: TrialConfig) -> DiscoveryModel:
    """The model of a finished trial with its trained weights, on the CPU.

    Raises:
        DamageError, StoreError, DataError: as for `trained_synth`.
    """
    model = build_model(config)
    _load(model, _stored_weights(attempt), attempt, "model")
    return model.eval()


def _stored_weights(attempt: Attempt) -> dict[str, Any]:
    """The weights of an attempt by their names in the model.

    Raises:
        DamageError: they are damaged.
        StoreError: there are none.
    """
    try:
        return dict(from_bytes(attempt.get(MODEL_NAME))["weights"])
    except (ValueError, KeyError, TypeError) as error:
        raise attempt.damage(MODEL_NAME, f"it has no weights: {error}") from error


def _load(module: nn.Module, weights: dict[str, Any], attempt: Attempt, noun: str) -> None:
    """Load weights into a module.

    Raises:
        StoreError: they belong to another module.
    """
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise StoreError(
            f"{attempt.key(MODEL_NAME)} does not have the weights of its config's {noun}: {error}; "
            "read it with the version that wrote it"
        ) from error
