"""Check of all rules of a config before any work starts: those within its parts and those between them."""

from core.errors import ConfigError
from core.settings.trial import TrialConfig


def check(config: TrialConfig) -> None:
    """Check all rules of a config.

    Raises:
        ConfigError: a rule is broken; the message states the rule, the values and a remedy.
    """
    parts = (config.encoder, config.parameterization, config.synth, config.data, config.loss, config.optimizer)
    try:
        config.audio.check()
        for part in parts:
            part.check(config.audio)
        # `audio.mss` is measured at the standard resolutions, independent of the training loss.
        type(config.loss)().resolved(config.audio).check(config.audio)
        config.synth.with_wavetable_of(config.data.true_wavetable)
        _check_control(config)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _check_control(config: TrialConfig) -> None:
    """
    Raises:
        ConfigError: the synth is granular, and its curves have another parameterization than free frames.
    """
    kind = config.parameterization.kind
    if config.synth.control == "granular" and kind != "frame":
        raise ConfigError(
            f"synth.control='granular' predicts every control frame by frame, and parameterization.kind={kind!r} does "
            "not: set parameterization.kind='frame'"
        )
