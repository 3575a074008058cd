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
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from error
