"""All rules of a config, checked before any work starts: those of each part, and those that join parts."""

from core.errors import ConfigError
from core.settings.trial import TrialConfig


def check(config: TrialConfig) -> None:
    """
    Raises:
        ConfigError: a rule is broken; the message names it, the values, and what to do.
    """
    parts = (config.encoder, config.parameterization, config.synth, config.data, config.loss, config.optimizer)
    try:
        config.audio.check()
        for part in parts:
            part.check(config.audio)
        # Whatever loss was trained, `audio.mss` is measured at the standard resolutions.
        type(config.loss)().resolved(config.audio).check(config.audio)
        config.synth.with_wavetable_of(config.data.true_wavetable)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from error
